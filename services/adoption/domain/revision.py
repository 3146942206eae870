"""What changed between two revisions of an offering, as sentences, the ones that matter to who adopts it first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_SHOWN_MAX = 12
_CHARS_MAX = 120
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """At most twelve, and how many more; documents are plain JSON."""
    found = list(_changes("", old, new))
    found.sort(key=lambda each: not each.startswith(("price", "coverage", "authorization", "hosting")))
    if len(found) > _SHOWN_MAX:
        return (*found[:_SHOWN_MAX], f"{len(found) - _SHOWN_MAX} more")
    return tuple(found)


def _changes(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping) and path in {"", "fit ", "coverage ", "authorization "}:
        for name in sorted({*old, *new}):
            within = "" if name == "fit" else f"{path.replace('fit ', '')}{name} "
            yield from _changes("fit " if name == "fit" else within, old.get(name), new.get(name))
        return
    yield f"{path.strip().replace('_', ' ')} {_said(old)} → {_said(new)}"


def _said(value: Any) -> str:
    if value in _NOTHING:
        return "none"
    match value:
        case bool():
            text = "yes" if value else "no"
        case list():
            text = ", ".join(map(_said, value))
        case dict():
            text = ", ".join(f"{name} {_said(each)}" for name, each in sorted(value.items()) if each not in _NOTHING)
        case _:
            text = str(value).replace("_", " ")
    return text if len(text) <= _CHARS_MAX else f"{text[:_CHARS_MAX]}…"
