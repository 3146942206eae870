"""An example for every body and required parameter of an OpenAPI document, made from its schemas and the field's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from services.gateway.pattern_text import text_for

JsonObject = dict[str, Any]
_DEPTH_MAX = 6
_ID = "0190a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"
# What members of these names hold, where the schema allows it.
_BY_NAME: dict[str, Any] = {
    "focus_area": "cybersecurity",
    "area": "cybersecurity",
    "service": "protective-dns",
    "policy": "m-19-16",
    "name": "Protective DNS",
    "title": "Protective DNS",
    "currency": "USD",
    "amount": "12500.00",
    "url": "https://www.example.gov/",
    "instance": "/v1/plans",
    "reason": "The board asked for it.",
    "clause": "II",
    "type": "qsmo.registry.designation.designated.v1",
    "etag": '"1-0a1b2c3d4e5f"',
}
_BY_FORMAT = {"date": "2020-04-27", "date-time": "2020-04-27T00:00:00Z", "uri": "https://www.example.gov/", "binary": ""}
# Tried in turn for a pattern; the first that fits is the example.
_TEXTS = (
    "An example",
    _ID,
    "cybersecurity",
    "an_example",
    "FM.020.01",
    "FM",
    "09-30",
    "2026-01",
    "12500.00",
    "https://www.example.gov/",
    '"1-0a1b2c3d4e5f"',
    "ABCDEFGH1234",
    "omb",
    "1",
    "1.1",
    "2026",
    "12",
    "a",
    "A",
)


class NoExample(Exception):
    """None of the texts at hand fits a schema; `args[0]` is what it wants."""


class Examples:
    """Of the schemas of one document. Requests hold what is required; answers hold all that is said."""

    def __init__(self, schemas: JsonObject) -> None:
        self._schemas = schemas

    def of(self, schema: JsonObject, *, name: str = "", whole: bool = False, depth: int = 0) -> Any:
        """Raises NoExample."""
        schema = self._resolved(schema)
        if (given := _given(schema)) is not None:
            return given[0]
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            return self._option(options, name=name, whole=whole, depth=depth)
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, whole=whole, depth=depth)
        if kind == "array":
            return self._array(schema, name=name, whole=whole, depth=depth)
        return _scalar(schema, name)

    def _resolved(self, schema: JsonObject) -> JsonObject:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        merged = dict(schema)
        for part in schema.get("allOf", ()):
            merged = {**self._resolved(part), **merged}
        return merged

    def _option(self, options: list[JsonObject], *, name: str, whole: bool, depth: int) -> Any:
        """The first that is not null; deep inside, null where that is possible."""
        nullable = any(option.get("type") == "null" for option in options)
        if nullable and depth >= _DEPTH_MAX:
            return None
        chosen = next((option for option in options if option.get("type") != "null"), options[0])
        return self.of(chosen, name=name, whole=whole, depth=depth + 1)

    def _object(self, schema: JsonObject, *, whole: bool, depth: int) -> JsonObject:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        wanted = [name for name in properties if name in required or (whole and depth < _DEPTH_MAX)]
        made = {name: self.of(properties[name], name=name, whole=whole, depth=depth + 1) for name in wanted}
        values = schema.get("additionalProperties")
        if not properties and isinstance(values, dict) and depth < _DEPTH_MAX:
            key = str(self.of({"type": "string", **self._resolved(schema.get("propertyNames", {}))}))
            made[key] = self.of(values, name=key, whole=whole, depth=depth + 1)
        return made

    def _array(self, schema: JsonObject, *, name: str, whole: bool, depth: int) -> list[Any]:
        count = max(schema.get("minItems", 0), 1 if depth < _DEPTH_MAX else 0)
        item = self.of(schema.get("items", {}), name=name.removesuffix("s"), whole=whole, depth=depth + 1) if count else None
        return [item] * (schema.get("minItems", 0) if schema.get("uniqueItems") and count > 1 else count)


def _given(schema: JsonObject) -> tuple[Any] | None:
    """What the schema itself names as a value, if it does."""
    for key in ("const", "example"):
        if key in schema:
            return (schema[key],)
    for key in ("examples", "enum"):
        if schema.get(key):
            return (schema[key][0],)
    return (schema["default"],) if schema.get("default") is not None else None


def _scalar(schema: JsonObject, name: str) -> Any:
    match schema.get("type"):
        case "string":
            return _text(schema, name)
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return {}


def _text(schema: JsonObject, name: str) -> str:
    if (form := schema.get("format")) in _BY_FORMAT:
        return _BY_FORMAT[form]
    hint = _BY_NAME.get(name, _ID if name == "id" or name.endswith("_id") else None)
    for text in (hint, *_TEXTS, text_for(schema.get("pattern", ""))):
        if isinstance(text, str) and _fits(schema, text):
            return text
    raise NoExample(f"{name or 'a text'}: {schema}")


def _fits(schema: JsonObject, text: str) -> bool:
    long_enough = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return long_enough and re.search(schema.get("pattern", ""), text) is not None


def _number(schema: JsonObject) -> int:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    return int(min(max(lowest, 1), schema.get("maximum", max(lowest, 1))))


def add_examples(document: JsonObject) -> None:
    """Where there is none yet and one can be made: bodies, required parameters, and the JSON of what succeeds."""
    examples = Examples(document["components"]["schemas"])
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter.get("required") and "example" not in parameter and "example" not in parameter["schema"]:
                with suppress(NoExample):
                    parameter["example"] = examples.of(parameter["schema"], name=parameter["name"])
        for content in operation.get("requestBody", {}).get("content", {}).values():
            _add(examples, content, whole=False)
        for status, answer in operation["responses"].items():
            if status.startswith("2") and "application/json" in answer.get("content", {}):
                _add(examples, answer["content"]["application/json"], whole=True)


def _add(examples: Examples, content: JsonObject, *, whole: bool) -> None:
    if content.get("schema") and "example" not in content and "examples" not in content:
        with suppress(NoExample):
            content["example"] = examples.of(content["schema"], whole=whole)


def _operations(document: JsonObject) -> Iterator[JsonObject]:
    for item in document["paths"].values():
        yield from (operation for operation in item.values() if isinstance(operation, dict) and "responses" in operation)
