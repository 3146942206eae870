"""The one API document as an installation serves it."""

from __future__ import annotations

import asyncio
import shutil
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import orjson
import pytest

from services import api_document
from services.embedded import embedded
from services.gateway.examples import Examples, NoExample, add_examples
from services.gateway.exports.columns import columns
from services.gateway.exports.resources import RESOURCES
from services.gateway.links import add_links
from services.gateway.pattern_text import text_for
from services.gateway.proxy import owner_of
from services.installation import DataFolder
from shared.web.document import operations
from tests.conftest import NOT_RUN

JsonObject = dict[str, Any]
TYPESCRIPT = ("openapi-typescript@7.13.0", "typescript@5.9.3")
NO_EXAMPLE = "no text in services/gateway/examples.py fits"
# Work under way, and what is worked out from other lists.
NOT_EXPORTED = {
    "/v1/parked-rows",
    "/v1/parked-events/adoption",
    "/v1/parked-events/catalog",
    "/v1/parked-events/registry",
    "/v1/search/offerings",
    "/v1/agreements/funding",
    "/v1/analytics/figures",
    "/v1/stats/adoption-states/by-area",
    "/v1/meta/m3/terms",
}
_FORMATS = jsonschema.FormatChecker(("date",))


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> JsonObject:
    async def served() -> JsonObject:
        async with embedded(DataFolder(tmp_path_factory.mktemp("document")), starter=False) as app:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=60) as client:
                return dict((await client.get("/openapi.json")).json())

    return asyncio.run(served())


def faults(document: JsonObject, schema: JsonObject, example: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema | {"components": document["components"]}, format_checker=_FORMATS)
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(example)]


def examples(document: JsonObject) -> list[tuple[str, JsonObject, Any]]:
    """(where, schema, example) of everything that has to have one; NO_EXAMPLE where there is none."""
    found = []
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        for parameter in operation.get("parameters", ()):
            if parameter.get("required"):
                example = parameter.get("example", parameter["schema"].get("example", NO_EXAMPLE))
                found.append((f"{where} {parameter['name']}", parameter["schema"], example))
        contents = list(operation.get("requestBody", {}).get("content", {}).values())
        for status, answer in operation["responses"].items():
            if status.startswith("2") and "application/json" in answer.get("content", {}):
                contents.append(answer["content"]["application/json"])
        found += [
            (where, content["schema"], content.get("example", NO_EXAMPLE)) for content in contents if content.get("schema")
        ]
    return found


def test_every_operation_has_examples_that_are_as_its_schemas_say(document: JsonObject) -> None:
    found = examples(document)

    assert [where for where, _, example in found if example == NO_EXAMPLE] == []
    assert {where: told for where, schema, example in found if (told := faults(document, schema, example))} == {}
    assert len(found) > len(list(operations(document)))


def test_no_two_operations_share_a_name_and_each_says_what_it_does(document: JsonObject) -> None:
    named = Counter(operation["operationId"] for _, _, operation in operations(document))

    assert [name for name, count in named.items() if count > 1] == []
    assert [
        path for path, _, operation in operations(document) if not operation.get("description") or not operation["tags"]
    ] == []
    assert {tag for _, _, operation in operations(document) for tag in operation["tags"]} == {
        tag["name"] for tag in document["tags"]
    }
    assert [tag["name"] for tag in document["tags"] if not tag["description"]] == []


def test_the_committed_document_is_what_is_served_less_what_is_made_from_it(document: JsonObject) -> None:
    committed = orjson.loads(api_document.FILE.read_bytes())
    assert committed == orjson.loads(api_document.text()), "run `make schemas` and commit the result"

    add_examples(committed)
    add_links(committed)

    assert committed == document


def test_what_was_made_leads_to_what_can_be_done_with_it(document: JsonObject) -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in operations(document)}
    made = document["paths"]["/v1/organizations"]["post"]["responses"]["201"]["links"]
    links = [
        link
        for _, _, operation in operations(document)
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]

    assert made["show_organization"]["parameters"] == {"path.id": "$response.body#/id"}
    assert {operation["operationId"] for operation in document["paths"]["/v1/organizations/{id}"].values()} <= made.keys()
    assert len(links) > 100
    for link in links:
        names = {f"{parameter['in']}.{parameter['name']}" for parameter in by_id[link["operationId"]]["parameters"]}
        assert link["parameters"].keys() <= names, link


def is_list(document: JsonObject, operation: JsonObject) -> bool:
    """Whether it answers items without being told anything."""
    content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    model = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    needed = [parameter for parameter in operation.get("parameters", ()) if parameter.get("required")]
    return not needed and "items" in document["components"]["schemas"].get(model, {}).get("properties", {})


def test_every_list_of_the_services_can_be_exported_as_it_is_or_is_known_as_none(document: JsonObject) -> None:
    lists = {
        path: {parameter["name"] for parameter in operation.get("parameters", ())}
        for path, method, operation in operations(document)
        if method == "get" and owner_of(path) and is_list(document, operation)
    }

    assert lists.keys() - NOT_EXPORTED == {found.path for found in RESOURCES.values()}
    for found in RESOURCES.values():
        takes = lists[found.path]
        assert (found.takes_as_of, found.is_paged) == ("as_of" in takes, "limit" in takes), found
        assert found.facts is None or any(f"{found.path}/{{{id}}}" in document["paths"] for id in ("id", "area")), found
        assert columns(document, found.path)


def test_every_list_says_which_fields_its_items_have_and_the_fuzz_knows_that_it_may_have_others(document: JsonObject) -> None:
    lists = {path: item["get"] for path, item in document["paths"].items() if "count" in parameters_of(item.get("get", {}))}
    told = tomllib.loads((api_document.FILE.parents[1] / "schemathesis.toml").read_text())["operations"]
    answered_by_400 = {name.removeprefix("GET ") for each in told for name in each.get("include-name", ())}

    assert answered_by_400 == lists.keys()
    for path, operation in lists.items():
        page = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        item = document["components"]["schemas"][page]["properties"]["items"]["items"]["$ref"].rpartition("/")[2]
        names = ", ".join(document["components"]["schemas"][item]["properties"])
        assert parameters_of(operation)["fields"]["description"].endswith(f"There are: {names}."), path


def parameters_of(operation: JsonObject) -> JsonObject:
    return {parameter["name"]: parameter for parameter in operation.get("parameters", ())}


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string", "pattern": "^[0-9]{2}-[0-9]{2}$"}, "09-30"),
        ({"type": "string", "maxLength": 3}, "FM"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"type": "object", "required": ["a"], "properties": {"a": {"const": 7}, "b": {}}}, {"a": 7}),
        ({"type": "array", "items": {"enum": ["x", "y"]}}, ["x"]),
    ],
    ids=["pattern", "length", "number", "null", "object", "array"],
)
def test_an_example_is_made_from_what_a_schema_says(schema: JsonObject, example: Any) -> None:
    assert Examples({}).of(schema) == example


def test_a_text_that_nothing_at_hand_fits_is_told() -> None:
    with pytest.raises(NoExample, match="zz"):
        Examples({}).of({"type": "string", "pattern": "^zz$", "maxLength": 1})


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^zz$", "zz"),
        (r"^\d{1,12}(\.\d{1,6})?$", "1"),
        (r"^[0-9a-f]{64}$", "0" * 64),
        (r"^20\d\d-(0[1-9]|1[0-2])$", "2011-01"),
        (r"^(x|y)+[^a]_.$", "x1_a"),
        (r"^(?=b)a$", None),
    ],
    ids=["letters", "decimal", "digest", "month", "mixed", "never"],
)
def test_a_text_is_made_from_a_pattern(pattern: str, text: str | None) -> None:
    assert text_for(pattern) == text


async def test_types_for_typescript_compile(document: JsonObject, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """As a client's author makes them."""
    if (npm := shutil.which("npm")) is None:
        _not_run(request)
    (tmp_path / "openapi.json").write_bytes(orjson.dumps(document))
    (tmp_path / "package.json").write_text("{}")
    use = "import type { operations } from './types';\nexport type Shown = operations['show_organization']['responses'][200];\n"
    (tmp_path / "use.ts").write_text(use)
    installed = await run(tmp_path, str(npm), "install", "--no-audit", "--no-fund", "--ignore-scripts", *TYPESCRIPT)
    if installed:
        _not_run(request)

    assert await run(tmp_path, "npx", "openapi-typescript", "openapi.json", "-o", "types.ts") == ""
    assert await run(tmp_path, "npx", "tsc", "--noEmit", "--strict", "use.ts") == ""


async def run(folder: Path, *command: str) -> str:
    """What a command said that failed."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return said.decode()[-3_000:] if process.returncode else ""


def _not_run(request: pytest.FixtureRequest) -> None:
    request.config.stash[NOT_RUN]["npm"].append(request.node.nodeid)
    pytest.skip("npm, or its registry, is missing.")
