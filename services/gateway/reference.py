"""What the pages of the API say of an operation or an event: from the two documents alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from services.gateway.examples import Examples, NoExample
from services.gateway.problems import PROBLEMS

JsonObject = dict[str, Any]
_METHODS = ("get", "post", "put", "patch", "delete")
_LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "as {}",
    "default": "{} if absent",
}


@dataclass(frozen=True, slots=True)
class Member:
    """`kind` is what it can be, in words; `models`: names of models in it."""

    name: str
    kind: str
    models: tuple[str, ...]
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    meaning: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """Of a body or an answer; `example` is JSON text."""

    media_type: str
    models: tuple[str, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    meaning: str
    contents: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """`problems`: type → title of the refusals that its statuses stand for."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    tag: str
    deprecated: bool
    parameters: tuple[Member, ...]
    places: tuple[str, ...]
    body: tuple[Content, ...]
    answers: tuple[Answer, ...]
    problems: dict[str, str]
    models: tuple[Model, ...]


def operations(document: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    """(method, path, operation), in the order of the document."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method, path, item[method]


def operation(document: JsonObject, id: str) -> Operation | None:
    """By its operationId."""
    found = next(((m, p, o) for m, p, o in operations(document) if o["operationId"] == id), None)
    return None if found is None else _operation(document, *found)


def _operation(document: JsonObject, method: str, path: str, told: JsonObject) -> Operation:
    parameters = told.get("parameters", [])
    answers = told["responses"].items()
    body = told.get("requestBody", {})
    good = tuple(_answer(status, answer) for status, answer in answers if status.startswith("2"))
    statuses = {int(status) for status, _ in answers if status.isdecimal()}
    return Operation(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told.get("summary", ""),
        description=told.get("description", ""),
        tag=told.get("tags", ["other"])[0],
        deprecated=told.get("deprecated", False),
        parameters=tuple(_member(p["name"], p["schema"], required=p.get("required", False), said=p) for p in parameters),
        places=tuple(p["in"] for p in parameters),
        body=_contents(body),
        answers=good,
        problems={kind: found.title for kind, found in PROBLEMS.items() if found.status in statuses},
        models=models(document["components"]["schemas"], [body, *(answer for status, answer in answers if status[0] == "2")]),
    )


def _answer(status: str, told: JsonObject) -> Answer:
    return Answer(status, told.get("description", ""), _contents(told))


def _contents(told: JsonObject) -> tuple[Content, ...]:
    return tuple(
        Content(media_type, tuple(_named(content.get("schema", {}))), _text(content["example"]) if "example" in content else "")
        for media_type, content in told.get("content", {}).items()
    )


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def models(schemas: JsonObject, used_by: Iterable[JsonObject]) -> tuple[Model, ...]:
    """All that is referred to, and those refer to, the outermost first."""
    found: dict[str, JsonObject] = {}
    waiting = [name for each in used_by for name in _named(each)]
    while waiting:
        name = waiting.pop(0)
        if name not in found and name in schemas:
            found[name] = schemas[name]
            waiting += _named({key: value for key, value in schemas[name].items() if key != "$defs"})
    return tuple(model(name, schema) for name, schema in found.items())


def model(name: str, schema: JsonObject) -> Model:
    required = schema.get("required", ())
    properties = schema.get("properties", {})
    members = [_member(key, value, required=key in required, said=value) for key, value in properties.items()]
    meaning = " ".join(schema.get("description", "").split())
    return Model(name, meaning if properties else f"{meaning} {_kind(schema)}".strip(), tuple(members))


def _member(name: str, schema: JsonObject, *, required: bool, said: JsonObject) -> Member:
    return Member(name, _kind(schema), tuple(_named(schema)), required, said.get("description") or "")


def _named(value: Any) -> list[str]:
    """Models that a schema refers to, once each."""
    found: dict[str, None] = {}
    waiting = [value]
    while waiting:
        at = waiting.pop(0)
        if isinstance(at, dict):
            if isinstance(at.get("$ref"), str):
                found[at["$ref"].rpartition("/")[2]] = None
            waiting += [inner for key, inner in at.items() if key not in {"example", "examples", "links"}]
        elif isinstance(at, list):
            waiting += at
    return list(found)


def _kind(schema: JsonObject) -> str:
    """What a value can be, in words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            return _with_limits(" or ".join(dict.fromkeys(_kind(each) for each in schema[joined])), schema)
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    return _with_limits(_plain_kind(schema), schema)


def _plain_kind(schema: JsonObject) -> str:
    match schema.get("type"):
        case "array":
            return f"list of {_kind(schema.get('items', {}))}"
        case "object" if isinstance(values := schema.get("additionalProperties"), dict):
            return f"map to {_kind(values)}"
        case kind:
            return str(schema.get("format") or kind or "anything")


def _with_limits(kind: str, schema: JsonObject) -> str:
    told = [text.format(_word(schema[name])) for name, text in _LIMITS.items() if schema.get(name) not in (None, "", [])]
    return ", ".join([kind, *told])


def _word(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


@dataclass(frozen=True, slots=True)
class Event:
    """`example`: JSON text of its data."""

    type: str
    meaning: str
    example: str
    models: tuple[Model, ...]


def event(document: JsonObject, type_name: str) -> Event | None:
    """Of an AsyncAPI document."""
    schemas, message = document["components"]["schemas"], document["components"]["messages"].get(type_name)
    if message is None or type_name.startswith("structured."):
        return None
    example = ""
    with suppress(NoExample):
        example = _text(Examples(schemas).of(message["payload"], whole=True))
    return Event(type_name, message["summary"], example, models(schemas, [message["payload"]]))


def events(document: JsonObject) -> dict[str, dict[str, str]]:
    """Service → type → meaning."""
    found: dict[str, dict[str, str]] = {}
    for name, message in document["components"]["messages"].items():
        if not name.startswith("structured."):
            found.setdefault(name.split(".")[1], {})[name] = message["summary"]
    return found
