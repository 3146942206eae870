from __future__ import annotations

from typing import Any

import pytest

from services.adoption import api as adoption_api
from services.adoption.importers import kinds as adoption_kinds
from services.catalog import api as catalog_api
from services.gateway.documents import _Merging
from services.gateway.proxy import owner_of


def a_document(paths: dict[str, str], **schemas: Any) -> dict[str, Any]:
    """`paths`: path → operation id; each answers with the schema `Page`."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "description": "d"},
        "paths": {
            path: {"get": {"operationId": id, "responses": {"200": {"description": "", "content": content}}}}
            for path, id in paths.items()
        },
        "components": {"schemas": schemas},
    }


def schema_of(document: dict[str, Any], path: str) -> str:
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    return str(answer).rpartition("/")[2]


def test_names_that_mean_different_things_get_their_service_in_front_and_references_follow() -> None:
    merging = _Merging(a_document({"/v1/events": "list"}, Page={"type": "object"}))
    merging.add(
        "registry", a_document({"/v1/policies": "list"}, Page={"$ref": "#/components/schemas/Item"}, Item={"type": "string"})
    )
    merging.add(
        "catalog", a_document({"/v1/offerings": "browse"}, Page={"$ref": "#/components/schemas/Item"}, Item={"type": "null"})
    )

    made = merging.result()

    assert schema_of(made, "/v1/policies") == "RegistryPage"
    assert schema_of(made, "/v1/offerings") == "CatalogPage"
    assert made["components"]["schemas"]["CatalogPage"] == {"$ref": "#/components/schemas/CatalogItem"}
    assert made["components"]["schemas"]["CatalogItem"] == {"type": "null"}
    assert made["paths"]["/v1/policies"]["get"]["operationId"] == "registry_list"
    assert made["paths"]["/v1/offerings"]["get"]["operationId"] == "browse"


def test_a_schema_that_is_the_same_everywhere_is_kept_once() -> None:
    merging = _Merging(a_document({"/v1/events": "a"}, Page={"type": "object"}))
    merging.add("registry", a_document({"/v1/policies": "b"}, Page={"type": "object"}))

    assert list(merging.result()["components"]["schemas"]) == ["Page"]


def test_only_paths_that_lead_to_the_service_are_taken_from_it() -> None:
    merging = _Merging(a_document({"/v1/operations/{id}": "own"}))
    merging.add("registry", a_document({"/v1/operations/{id}": "theirs", "/v1/offerings": "x"}, Page={}))

    assert list(merging.result()["paths"]) == ["/v1/operations/{id}"]


def test_a_prefix_ends_at_a_slash() -> None:
    assert owner_of("/v1/policies") == owner_of("/v1/policies/m-19-16") == "registry"
    assert owner_of("/v1/policies-of-others") is None
    assert owner_of("/v1/stats/adoptions") == "adoption"


@pytest.mark.parametrize(("service", "routers"), [("adoption", adoption_api.routers), ("catalog", catalog_api.routers)])
def test_every_path_of_an_owner_leads_to_it(service: str, routers: tuple[Any, ...]) -> None:
    paths = {route.path for router in routers for route in router.routes}

    assert {path for path in paths if owner_of(path) != service} == set()


def test_every_kind_that_adoption_imports_leads_to_it() -> None:
    """`fedramp` comes to the gateway itself, which splits it."""
    kinds = {kind.kind for kind in adoption_kinds()} - {"fedramp"}

    assert {kind for kind in kinds if owner_of(f"/v1/imports/{kind}") != "adoption"} == set()
