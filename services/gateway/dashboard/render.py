"""Templates and static files of the pages, with the headers that go with them."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import Response
from markupsafe import Markup, escape

from services.gateway.dashboard import forms
from services.gateway.dashboard.visitor import VISITOR, Visitor

if TYPE_CHECKING:
    from jinja2 import Environment

_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "md": "text/plain; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}
_COMPACT = frozenset({"png", "woff2"})
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*\.(css|js|md|png|svg|txt|woff2)")
_WORTH_COMPRESSING_BYTES = 1_000
_QUICKLY, _WELL = 4, 9
_FOREVER = "public, max-age=31536000, immutable"
_SAID = {
    "pre_designated": "pre-designated",
    "complete_optimizing": "complete / optimizing",
    "partial_or_in_progress": "partial or in progress",
    "not_started_in_talks": "not started / in talks",
    "it_modernization": "IT modernization",
}
_CRITERION = re.compile(r"exit criterion [a-z0-9-]+: ")
_STANDING = re.compile(r"(state|phase) ([\w ]+) \(it is ([\w ]+)\)")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_CODE = re.compile(r"`([^`]+)`")
_CELL = re.compile(r"<(tr|t[dh])\b")
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - 0.1 s that the start need not wait for

    environment = Environment(
        loader=PackageLoader("services.gateway.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    environment.globals["main_nav"] = main_nav
    environment.globals["act"] = act
    environment.globals["file_of"] = file_of
    environment.filters["words"] = words
    environment.filters["spoken"] = spoken
    environment.filters["slug"] = slug
    environment.filters["labelled"] = labelled
    environment.filters["label"] = forms.label_of
    environment.filters["with_code"] = with_code
    environment.filters["exact"] = exact
    environment.tests["only_state"] = lambda missing: _STANDING.fullmatch(missing) is not None
    environment.filters["kind"] = lambda cell: type(cell).__name__
    return environment


def with_code(text: str) -> Markup:
    """What stands in backticks is set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def page(template: str, *, status: int = 200, **values: Any) -> Response:
    visitor = VISITOR.get()
    body: bytes = _environment().get_template(template).render(visitor=visitor, **values).encode()
    headers = {**_HEADERS, "Vary": "Accept-Encoding"}
    if visitor.takes_gzip and len(body) > _WORTH_COMPRESSING_BYTES:
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, _QUICKLY, mtime=0)
    return Response(body, status, headers, "text/html; charset=utf-8")


def _read(name: str) -> bytes | None:
    file = resources.files(__package__).joinpath("static", name)
    return file.read_bytes() if _NAME.fullmatch(name) and file.is_file() else None


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so browsers may keep it for good."""
    found = _read(name)
    assert found is not None, name
    return f"/static/{name}?v={_version(found)}"


def _version(content: bytes) -> str:
    """As `uswds/build.mjs` writes it into the addresses within a style sheet."""
    return hashlib.sha256(content).hexdigest()[:12]


@cache
def _compressed(name: str) -> tuple[bytes, str] | None:
    """Content, in gzip unless it is compact already, and the version of it as it is."""
    found = _read(name)
    if found is None:
        return None
    return found if _suffix(name) in _COMPACT else gzip.compress(found, _WELL, mtime=0), _version(found)


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]


def static_response(name: str, *, version: str | None) -> Response | None:
    found = _compressed(name) if _NAME.fullmatch(name) else None
    if found is None:
        return None
    content, current = found
    lasting = _FOREVER if version == current else "no-cache"
    headers = {"Cache-Control": lasting, "X-Content-Type-Options": "nosniff"}
    if _suffix(name) not in _COMPACT:
        headers["Vary"] = "Accept-Encoding"
        if VISITOR.get().takes_gzip:
            headers["Content-Encoding"] = "gzip"
        else:
            content = gzip.decompress(content)
    return Response(content, headers=headers, media_type=_MEDIA_TYPES[_suffix(name)])


def main_nav(visitor: Visitor) -> list[tuple[str, str, tuple[str, ...]]]:
    """Address, label, and what lies below it."""
    own = []
    if visitor.scopes("agency"):
        own.append(("/agency", "Agency", ("/agency",)))
    if visitor.scopes("qsmo"):
        own.append(("/qsmo", "QSMO", ("/qsmo",)))
    return [
        ("/regime", "Regime", ("/regime", "/areas")),
        ("/marketplace", "Marketplace", ("/marketplace", "/offerings", "/compare")),
        ("/standards", "Standards", ("/standards",)),
        *own,
        ("/oversight", "Oversight", ("/oversight",)),
        ("/docs", "API", ("/docs", "/problems")),
    ]


def act(path: str, *, to: str, **chosen: Any) -> str:
    """To the form of what can be done at this address of the API, with what is chosen already."""
    return "/act?" + urlencode([("path", path), ("to", to), *(("chosen", f"{name}:{value}") for name, value in chosen.items())])


def words(text: str) -> str:
    """`pre_designated` as a person would say it."""
    return _SAID.get(text) or text.replace("_", " ")


def spoken(text: str) -> str:
    """What is missing, without the names that programs know it by."""
    plain = _CRITERION.sub("exit criterion: ", text)
    return _STANDING.sub(_standing, plain).replace("_", " ")


def _standing(found: re.Match[str]) -> str:
    at = "in " if found[1] == "phase" else ""
    return f"it has to be {at}{words(found[2])}, and is {at}{words(found[3])}"


def slug(caption: str) -> str:
    return _NO_WORD.sub("-", caption.lower()).strip("-")


def file_of(id_: str) -> str:
    """The page's own address for the table of that id as a file."""
    return f"{VISITOR.get().here}file={id_}.csv"


def labelled(rows: Markup, columns: Sequence[str]) -> Markup:
    """Rows whose cells know their column, for narrow screens: there each row is a list."""
    at = 0

    def cell(found: re.Match[str]) -> str:
        nonlocal at
        at = 0 if found[1] == "tr" else at + 1
        named = 0 < at <= len(columns) and columns[at - 1]
        return f'{found[0]} data-label="{escape(columns[at - 1].lstrip("#"))}"' if named else found[0]

    return Markup(_CELL.sub(cell, rows))  # noqa: S704 - escaped already: only labels are added, and escaped


def exact(at: str) -> str:
    """An instant in full, for people."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def ago(at: str, *, now: datetime) -> str:
    seconds = max(0, int((now - datetime.fromisoformat(at)).total_seconds()))
    if seconds < _MINUTE_S:
        return "just now"
    if seconds < _HOUR_S:
        return _units(seconds // _MINUTE_S, "minute")
    return _units(seconds // _HOUR_S, "hour") if seconds < _DAY_S else _units(seconds // _DAY_S, "day")


def _units(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'} ago"
