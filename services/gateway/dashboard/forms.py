"""Forms from JSON schemas, and bodies from what was filled in. No script: rows come in threes, blanks are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

_REF = "#/components/schemas/"
_LONG_CHARS = 500
_BLANK_ROWS = 3
_DEPTH_MAX = 6
_LABELS = {
    "fibf_id": "FIBF id",
    "fibf_coverage": "FIBF coverage",
    "offering_ids": "Offerings",
    "effective_on": "Effective on",
    "on": "Date",
    "by": "Person",
    "id": "Id",
    "fte": "FTE",
}
_NUMBER = re.compile(r"[+-]?\d+")
Json = dict[str, Any]
Schemas = Mapping[str, Json]
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing to fill in.

    `kind`: text, long, date, number, decimal, choice, listed, lines, several; group and rows hold others.

    `name` is a path with slashes, which is also the JSON pointer of the value without its first slash.
    """

    name: str
    label: str
    kind: str
    required: bool = False
    value: str = ""
    hint: str = ""
    options: tuple[str, ...] = ()
    # Value and what it is called, where that is not the value.
    choices: tuple[tuple[str, str], ...] = ()
    # The id of the field whose choices these are too: a list of hundreds is written once.
    choices_of: str = ""
    least: str = ""
    most: str = ""
    fixed: bool = False
    errors: tuple[str, ...] = ()
    fields: tuple[Field, ...] = field(default=())

    @property
    def id(self) -> str:
        return "f-" + self.name.replace("/", "-").replace("~", "-")

    @property
    def said(self) -> str:
        return dict(self.choices).get(self.value, self.value)

    @property
    def ticked(self) -> frozenset[str]:
        return frozenset(self.value.splitlines())


def label_of(name: str) -> str:
    plain = _LABELS.get(name) or name.removesuffix("_id").removesuffix("_on").replace("_", " ")
    return plain[:1].upper() + plain[1:]


def resolved(schema: Json, schemas: Schemas) -> Json:
    """Without references, and without the alternative of being null."""
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].removeprefix(_REF)] | {k: v for k, v in schema.items() if k != "$ref"}
        elif "anyOf" in schema:
            some = next(each for each in schema["anyOf"] if each.get("type") != "null")
            schema = {k: v for k, v in schema.items() if k != "anyOf"} | some
        else:
            return schema


def is_money(schema: Json) -> bool:
    return set(schema.get("properties", ())) == {"amount", "currency"}


def fields_of(schema: Json, schemas: Schemas, *, value: Any = None, name: str = "", depth: int = 0) -> tuple[Field, ...]:
    """Of an object's properties, those required first. `value`: what is there already, as JSON."""
    found = resolved(schema, schemas)
    required = set(found.get("required", ()))
    given = value if isinstance(value, dict) else {}
    properties = sorted(found.get("properties", {}).items(), key=lambda pair: pair[0] not in required)
    return tuple(
        replace(
            _field(part, schemas, value=given.get(key), name=_below(name, key), depth=depth),
            label=label_of(key),
            required=key in required,
        )
        for key, part in properties
    )


def _below(name: str, key: str) -> str:
    return f"{name}/{key}" if name else key


def _field(schema: Json, schemas: Schemas, *, value: Any, name: str, depth: int) -> Field:
    found = resolved(schema, schemas)
    # Of the property itself: what its type says of itself is meant for those who read code.
    hint = str(schema.get("description", ""))
    if is_money(found):
        amount = value.get("amount", "") if isinstance(value, dict) else value or ""
        return Field(name=name, label="", kind="decimal", value=str(amount), hint=hint or "US dollars, e.g. 12500.00")
    if found.get("type") == "object":
        inner = _entries(found, schemas, value=value, name=name, depth=depth)
        return Field(name=name, label="", kind="group", hint=hint, fields=inner)
    if found.get("type") == "array":
        return _rows(found, schemas, value=value, name=name, depth=depth, hint=hint)
    return _single(found, value=_shown(value if value is not None else found.get("default")), name=name, hint=hint)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _single(found: Json, *, value: str, name: str, hint: str) -> Field:
    kind, options = "text", tuple(str(option) for option in found.get("enum", ()))
    if "const" in found:
        options = (str(found["const"]),)
    if found.get("type") == "boolean":
        options = ("yes", "no")
    if options:
        kind = "choice"
    elif found.get("type") in {"integer", "number"}:
        kind = "number"
    elif found.get("format") == "date":
        kind = "date"
    elif found.get("maxLength", 0) > _LONG_CHARS:
        kind = "long"
    least, most = (f"{found[bound]:.0f}" if bound in found else "" for bound in ("minimum", "maximum"))
    return Field(name=name, label="", kind=kind, value=value, hint=hint, options=options, least=least, most=most)


def _entries(found: Json, schemas: Schemas, *, value: Any, name: str, depth: int) -> tuple[Field, ...]:
    """Of an object with named properties, or of one whose keys are chosen."""
    if depth >= _DEPTH_MAX:
        return ()
    if "properties" in found:
        return fields_of(found, schemas, value=value, name=name, depth=depth + 1)
    part = _chosen_part(found)
    keys = resolved(found.get("propertyNames", {}), schemas).get("enum")
    given = value if isinstance(value, dict) else {}
    if keys:
        return tuple(
            replace(_field(part, schemas, value=given.get(key), name=_below(name, key), depth=depth + 1), label=label_of(key))
            for key in keys
        )
    pairs: list[tuple[str, Any]] = [*given.items(), *([("", None)] * _BLANK_ROWS)]
    label = "Fiscal year" if any(pattern.startswith("^20") for pattern in found.get("patternProperties", ())) else "For"
    return tuple(_pair(part, schemas, pair, name=f"{name}/{n}", depth=depth, label=label) for n, pair in enumerate(pairs))


def _chosen_part(found: Json) -> Json:
    """What stands under a key that is chosen."""
    parts = [found.get("additionalProperties"), *found.get("patternProperties", {}).values()]
    return next((part for part in parts if isinstance(part, dict)), {"type": "string", "maxLength": 2_000})


def _pair(part: Json, schemas: Schemas, pair: tuple[str, Any], *, name: str, depth: int, label: str) -> Field:
    """A key that is chosen, and its value."""
    key = Field(name=f"{name}/~key", label=label, kind="text", value=pair[0])
    value = replace(_field(part, schemas, value=pair[1], name=f"{name}/~value", depth=depth + 1), label="Value")
    return Field(name=name, label=f"Entry {int(name.rpartition('/')[2]) + 1}", kind="group", fields=(key, value))


def _rows(found: Json, schemas: Schemas, *, value: Any, name: str, depth: int, hint: str) -> Field:
    given = value if isinstance(value, list) else []
    part = resolved(found.get("items", {"type": "string"}), schemas)
    if part.get("type") != "object" or is_money(part):
        lines = "\n".join(str(each) for each in given)
        return Field(name=name, label="", kind="lines", value=lines, hint=(hint + " One per line.").strip())
    rows = [*given, *([None] * _BLANK_ROWS)]
    inner = tuple(
        Field(
            name=f"{name}/{n}",
            label=f"{n + 1}",
            kind="group",
            fields=_entries(part, schemas, value=each, name=f"{name}/{n}", depth=depth),
        )
        for n, each in enumerate(rows)
    )
    return Field(name=name, label="", kind="rows", hint=hint, fields=inner)


def body_of(schema: Json, schemas: Schemas, filled: Mapping[str, str]) -> Any:
    """What was filled in, as JSON; what is blank is absent. Whether it is right is the service's to say."""
    found = _read(schema, schemas, filled, "")
    return {} if found is _ABSENT else found


def _read(schema: Json, schemas: Schemas, filled: Mapping[str, str], name: str) -> Any:
    found = resolved(schema, schemas)
    if is_money(found):
        amount = filled.get(name, "").strip().replace(",", "").removeprefix("$")
        return {"amount": amount, "currency": "USD"} if amount else _ABSENT
    if found.get("type") == "object":
        return _read_object(found, schemas, filled, name)
    if found.get("type") == "array":
        return _read_array(found, schemas, filled, name)
    return _read_single(found, filled.get(name, "").strip())


def _read_single(found: Json, text: str) -> Any:
    if not text:
        return _ABSENT
    if found.get("type") == "boolean" and text in {"yes", "no"}:
        return text == "yes"
    if found.get("type") in {"integer", "number"} and _NUMBER.fullmatch(text):
        return int(text)
    return text


def _read_object(found: Json, schemas: Schemas, filled: Mapping[str, str], name: str) -> Any:
    if "properties" in found:
        parts = {key: _read(part, schemas, filled, _below(name, key)) for key, part in found["properties"].items()}
    else:
        part = _chosen_part(found)
        keys = resolved(found.get("propertyNames", {}), schemas).get("enum")
        pairs = ((key, _below(name, key)) for key in keys) if keys else _chosen(filled, name)
        parts = {key: _read(part, schemas, filled, at) for key, at in pairs}
    present = {key: value for key, value in parts.items() if value is not _ABSENT}
    return present or (_ABSENT if name else {})


def _chosen(filled: Mapping[str, str], name: str) -> Iterator[tuple[str, str]]:
    for n in _indexes(filled, name):
        if key := filled.get(f"{name}/{n}/~key", "").strip():
            yield key, f"{name}/{n}/~value"


def _read_array(found: Json, schemas: Schemas, filled: Mapping[str, str], name: str) -> Any:
    part = resolved(found.get("items", {"type": "string"}), schemas)
    if part.get("type") != "object" or is_money(part):
        lines = (line.strip() for line in filled.get(name, "").splitlines())
        given = [_read(part, schemas, {"": line}, "") for line in lines if line]
    else:
        given = [_read(part, schemas, filled, f"{name}/{n}") for n in _indexes(filled, name)]
    return [each for each in given if each is not _ABSENT and not _only_defaults(each, part, schemas)] or _ABSENT


def _only_defaults(row: Any, part: Json, schemas: Schemas) -> bool:
    """A row in which nothing was filled in but what the form came with."""
    if not isinstance(row, dict):
        return False
    properties = part.get("properties", {})
    return all(value == resolved(properties.get(key, {}), schemas).get("default", _ABSENT) for key, value in row.items())


def _indexes(filled: Mapping[str, str], name: str) -> list[int]:
    found = {rest.partition("/")[0] for key in filled if (rest := key.removeprefix(name + "/")) != key}
    return sorted(int(each) for each in found if each.isdigit() and len(each) <= 4)


def with_errors(fields: tuple[Field, ...], errors: Mapping[str, list[str]]) -> tuple[Field, ...]:
    """`errors`: by name; the caller shows those that no field takes."""
    return tuple(
        replace(each, errors=tuple(errors.get(each.name, ())), fields=with_errors(each.fields, errors)) for each in fields
    )


def names_of(fields: tuple[Field, ...]) -> Iterator[str]:
    for each in fields:
        yield each.name
        yield from names_of(each.fields)


def fixing(fields: tuple[Field, ...], names: frozenset[str]) -> tuple[Field, ...]:
    """What the link that led here has chosen already is shown, not asked."""
    return tuple(replace(each, fixed=each.name in names) for each in fields)
