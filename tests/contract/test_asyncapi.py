from __future__ import annotations

import ast
import asyncio
import gzip
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import orjson
import pytest

from services.embedded import embedded
from services.gateway.problems import PROBLEMS
from services.installation import DataFolder
from shared.contracts import generate
from shared.contracts.fact import FACTS
from shared.kernel import errors
from shared.web import problems as web_problems

ROOT = Path(__file__).resolve().parents[2]
# The schema that the AsyncAPI Initiative publishes (Apache-2.0), as in its package @asyncapi/specs 6.11.1.
OFFICIAL = ROOT / "tests" / "support" / "asyncapi-3.0.0.json.gz"


@cache
def document() -> dict[str, Any]:
    return dict(orjson.loads(generate.ASYNCAPI.read_bytes()))


@cache
def official() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(orjson.loads(gzip.decompress(OFFICIAL.read_bytes())))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolved(reference: str) -> Any:
    at: Any = document()
    for part in reference.removeprefix("#/").split("/"):
        at = at[part]
    return at


def test_the_document_is_valid_by_the_official_schema() -> None:
    assert [error.message[:200] for error in official().iter_errors(document())] == []


@pytest.mark.parametrize("breaking", [{"asyncapi": "2.6.0"}, {"channels": {"a": {"address": 7}}}, {"nonsense": {}}])
def test_the_official_schema_bites(breaking: dict[str, Any]) -> None:
    assert list(official().iter_errors(document() | breaking))


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(document())):
        assert resolved(reference) is not None, reference


def test_every_fact_is_told_on_its_topic_and_on_the_feed() -> None:
    generate.load()
    channels = document()["channels"]
    facts = {name for name in FACTS if not name.startswith("qsmo.tests.")}

    assert set(channels["feed"]["messages"]) == set(channels["webhook"]["messages"]) == facts
    for owner in ("registry", "catalog", "adoption"):
        assert set(channels[owner]["messages"]) == {name for name in facts if name.startswith(f"qsmo.{owner}.")}
        assert channels[owner]["address"] == f"qsmo.{owner}"


async def test_what_an_installation_tells_is_as_documented_and_it_serves_the_document(tmp_path: Path) -> None:
    """The starter data's facts, each against the payload of its message."""
    async with embedded(DataFolder(tmp_path / "data")) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client:
            served = (await client.get("/asyncapi.json")).content
            async with asyncio.timeout(60):
                events = await _events(client)
                while not any(event["type"].startswith("qsmo.catalog.offering") for event in events):
                    await asyncio.sleep(0.1)
                    events = await _events(client)

    assert served == generate.ASYNCAPI.read_bytes()
    validators = {}
    for event in events:
        if event["type"] not in validators:
            payload = document()["components"]["messages"][f"structured.{event['type']}"]["payload"]
            validators[event["type"]] = jsonschema.Draft202012Validator(payload | {"components": document()["components"]})
        validators[event["type"]].validate(event)
    assert len(validators) > 3


async def _events(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await client.get("/v1/events?limit=1000")).json()["items"])


# --- problem types


def refusals(source: str) -> Iterator[str]:
    """Codes given to an error of the kernel: they become problem types."""
    names = {name for name, found in vars(errors).items() if isinstance(found, type) and issubclass(found, errors.QsmoError)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names | {"__init__"}:
            for keyword in node.keywords:
                if keyword.arg == "code" and isinstance(keyword.value, ast.Constant) and keyword.value.value:
                    yield str(keyword.value.value)


def test_every_problem_type_has_its_page() -> None:
    sources = [path.read_text() for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    raised = {code for source in sources for code in refusals(source)}
    by_status = {kind for kind, _ in web_problems._BY_STATUS.values()}
    by_error = {slug for _, _, slug, _ in web_problems._BY_ERROR}

    assert raised | by_status | by_error | {"error"} <= PROBLEMS.keys(), "say in services/gateway/problems.py what they mean"
    assert len(raised) > 20


def test_the_search_for_problem_types_bites() -> None:
    assert list(refusals('raise Conflict("x", code="never-heard-of")')) == ["never-heard-of"]
    assert list(refusals('raise errors.RuleViolation("x", code="other")')) == ["other"]
    assert list(refusals('raise Invalid.at("/x", "x", code="of a field")')) == []


@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_problem_type_says_what_to_do(kind: str) -> None:
    found = PROBLEMS[kind]

    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind)
    assert 400 <= found.status < 600
    assert found.title
    assert found.meaning.endswith(".")
    assert found.remedy.endswith(".")
