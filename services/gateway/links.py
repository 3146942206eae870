"""Links of an OpenAPI document: what was made, or read, leads to everything that can be done with it."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]
_WRITES = frozenset({"post", "put", "patch", "delete"})
_ID = "$response.body#/id"
_TAG = "$response.header.ETag"


def add_links(document: JsonObject) -> None:
    """From the 201 of `POST /v1/things`, and the 200 of `GET /v1/things/{id}`, to each operation below `/v1/things/{id}`."""
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method, status, base in (("post", "201", path), ("get", "200", path.removesuffix("/{id}"))):
            answer = item.get(method, {}).get("responses", {}).get(status)
            is_single = method == "post" or path.endswith("/{id}")
            if answer is not None and is_single and _has_id(answer, schemas):
                links = _links(document, f"{base}/{{id}}", besides=item[method]["operationId"])
                if links:
                    answer.setdefault("links", {}).update(links)


def _has_id(answer: JsonObject, schemas: JsonObject) -> bool:
    reference = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    return "id" in schemas.get(reference.rpartition("/")[2], {}).get("properties", {})


def _links(document: JsonObject, base: str, *, besides: str) -> JsonObject:
    found: JsonObject = {}
    for path, item in document["paths"].items():
        if path != base and not path.startswith(base + "/"):
            continue
        for method, operation in item.items():
            if operation.get("operationId", besides) != besides and path.count("{") == 1:
                found[operation["operationId"]] = _link(operation, is_write=method in _WRITES)
    return found


def _link(operation: JsonObject, *, is_write: bool) -> JsonObject:
    parameters = {"path.id": _ID}
    if is_write and any(parameter["name"] == "If-Match" for parameter in operation.get("parameters", ())):
        parameters["header.If-Match"] = _TAG
    return {"operationId": operation["operationId"], "parameters": parameters}
