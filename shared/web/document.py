"""What the conventions add to every operation of an OpenAPI document: FastAPI sees only what a route declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.web.idempotency import KEY_PATTERN
from shared.web.wire import Problem

_WRITES = ("post", "put", "patch", "delete")
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the version you read; 428 without it, 412 when it is stale.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}(-[0-9a-f]{1,40})?"$', "example": '"1-0a1b2c3d4e5f"'},
}
# Of a resource that is known by what it is about, and made by its first PUT.
IF_MATCH_ONCE_MADE = {
    **IF_MATCH,
    "required": False,
    "description": "The ETag of the version you read, from the second time on; 412 without it, or when it is stale.",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a retry safe for 24 hours: the same key gives the first answer again.",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
}
VALIDATE_ONLY = {
    "name": "validate_only",
    "in": "query",
    "required": False,
    "description": "Answer as the write would, and keep nothing.",
    "schema": {"type": "boolean", "default": False},
}
FIELDS = "Of each item only these, and its id if it has one, with a comma between."
COUNT = {"type": "integer", "minimum": 0, "description": "Of the items of all pages, with ?count=true."}
API_KEY = {"type": "apiKey", "in": "header", "name": "X-Api-Key"}
_SIGNED: list[dict[str, list[str]]] = [{"bearer": []}, {"api_key": []}]
BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with If-Match, Idempotency-Key, validate_only, the bearer scheme and problems where they apply."""
    components = document.setdefault("components", {})
    components.setdefault("securitySchemes", {}).update(bearer=BEARER, api_key=API_KEY)
    _describe_problems(components.setdefault("schemas", {}))
    for path, method, operation in operations(document):
        _document_list(operation, components["schemas"])
        operation.setdefault("security", _SIGNED if method in _WRITES else [{}, *_SIGNED])
        if method not in _WRITES:
            continue
        _document_dry_run(operation)
        parameters = operation.setdefault("parameters", [])
        names = {parameter["name"] for parameter in parameters}
        wanted = [VALIDATE_ONLY]
        if method == "post":
            wanted.append(IDEMPOTENCY_KEY)
        if "{id}" in path:
            wanted.append(IF_MATCH)
        elif method == "put":
            wanted.append(IF_MATCH_ONCE_MADE)
        parameters.extend(parameter for parameter in wanted if parameter["name"] not in names)
    return document


def _describe_problems(schemas: dict[str, Any]) -> None:
    described = Problem.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schemas.update(described.pop("$defs", {}))
    schemas["Problem"] = described


def _document_list(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """The count, and what the items of this very list are: an example by their key, and the fields to choose from."""
    asked = {parameter["name"]: parameter for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    if "count" not in asked:
        return
    page = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    properties = schemas[page]["properties"]
    properties["count"] = COUNT
    item = schemas[properties["items"]["items"]["$ref"].rpartition("/")[2]]["properties"]
    key = "id" if "id" in item else next(iter(item))
    some = "1, 2" if item[key].get("type") == "integer" else "a, b"
    asked["filter"]["schema"]["examples"] = [f"not {key} in ({some})"]
    asked["fields"]["description"] = asked["fields"]["schema"]["description"] = f"{FIELDS} There are: {', '.join(item)}."


def _document_dry_run(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if made := responses.get("201") or responses.get("202"):
        responses.setdefault("200", {**made, "description": "What would be made (validate_only), or made before"})


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every (path, method, operation)."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in {"get", *_WRITES}:
                yield path, method, operation
