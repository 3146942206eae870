"""What whoever integrates a system tries first: what is said where they stumble, and that what they are pointed at is there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import orjson
import pytest

from services.gateway.problems import PROBLEMS
from shared.contracts import generate
from shared.contracts.fact import FACTS
from tests.support.installation import QSMO, an_installation

INTEGRATING = Path(__file__).resolve().parents[2] / "docs" / "integrating.md"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_document_for_integrators_works_as_written(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", INTEGRATING.read_text(), re.DOTALL)
    with an_installation(tmp_path) as running:
        path = f"{QSMO.parent}:{os.environ['PATH']}"
        environment = {"PATH": path, "QSMO": running.url, "TOKEN": running.token("coordinator", "omb")}
        script = "set -euo pipefail\n" + "\n".join(blocks)
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    def shown(name: str) -> Any:
        return orjson.loads((tmp_path / name).read_text())

    assert done.returncode == 0, done.stdout + done.stderr
    names = [item["name"] for name in ("page.json", "next.json") for item in shown(name)["items"]]
    assert (names, len(names)) == (sorted(names, reverse=True), 10)
    assert shown("page.json")["count"] >= 15
    assert (shown("system.json")["name"], shown("system.json")["version"]) == ("Newer", 2)
    assert shown("overview.json")["missing"] == []
    assert shown("events.json")["head"] >= shown("events.json")["next_after"]
    assert "event: qsmo.registry.policy" in (tmp_path / "stream.txt").read_text()
    assert shown("clock.json")["now"].startswith("2028-12-01")
    assert "its hash chain is whole" in done.stdout


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        an_installation(tmp_path_factory.mktemp("hours"), starter=False) as running,
        httpx.Client(base_url=running.url, timeout=60, headers=running.headers("omb", "coordinator")) as client,
    ):
        yield client


@pytest.mark.parametrize("media_type", [None, "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("path", ["/v1/organizations", "/v1/webhooks"], ids=["of a service", "of the gateway"])
def test_json_that_does_not_say_so_is_not_understood(client: httpx.Client, path: str, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}

    answer = client.post(path, content=b'{"name": "An office"}', headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/media-type")
    assert answer.headers["accept"] == "application/json"
    assert "Content-Type: application/json" in answer.json()["detail"]
    assert (media_type or "missing") in answer.json()["detail"]


def test_json_that_does_not_parse_is_told_with_the_place(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}

    answer = client.post("/v1/organizations", content=b'{"name": "An office" "kind"}', headers=headers)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (400, "")
    assert error["detail"] == "At character 22: Expecting ',' delimiter"


@pytest.mark.parametrize(
    ("method", "path", "possible"),
    [
        ("PATCH", "/v1/organizations/{id}", "GET, PUT"),
        ("OPTIONS", "/v1/organizations", "GET, POST"),
        ("DELETE", "/v1/organizations/by-key/cgac/070", "GET, PUT"),
        ("PUT", "/v1/webhooks/{id}", "DELETE, GET, PATCH"),
        ("POST", "/docs", "GET"),
    ],
)
def test_a_method_that_is_not_possible_is_told_with_those_that_are(
    client: httpx.Client, method: str, path: str, possible: str
) -> None:
    answer = client.request(method, path.replace("{id}", "some-id"))

    assert (answer.status_code, answer.headers["allow"]) == (405, possible)
    assert answer.json()["detail"] == f"{method} is not possible here; possible are: {possible}."


@pytest.mark.parametrize("path", ["/v1", "/v1/nonsense", "/v1/organizations/"])
def test_where_nothing_is_the_way_to_the_document_is_told(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.json()["detail"] == f"Nothing is at {path}; /docs lists what there is, /openapi.json tells programs."


@pytest.mark.parametrize("given", [None, TRACE, "nonsense"])
def test_a_refusal_at_the_door_has_a_trace_too(client: httpx.Client, given: str | None) -> None:
    headers = {"Authorization": "", "X-Api-Key": "wrong"} | ({"traceparent": given} if given else {})

    answer = client.get("/v1/organizations", headers=headers)

    trace = answer.json()["trace_id"]
    assert answer.status_code == 401
    assert trace == TRACE.split("-")[1] if given == TRACE else re.fullmatch("[0-9a-f]{32}", trace)


def test_the_schema_that_an_event_names_is_there_and_fits_it(client: httpx.Client) -> None:
    answer = client.post("/v1/organizations", json={"name": "An office", "kind": "office", "codes": []})
    after = {"QSMO-After": answer.headers["qsmo-version"]}
    events = client.get("/v1/events", params={"type": "qsmo.registry"}, headers=after).json()["items"]

    schema = client.get(events[0]["dataschema"])

    assert (schema.status_code, schema.headers["content-type"]) == (200, "application/schema+json")
    assert schema.json()["$id"] == events[0]["dataschema"]
    jsonschema.validate(events[0]["data"], schema.json())
    assert client.get("/schemas/nonsense.json").status_code == 404


def test_every_operation_event_and_problem_has_a_page_and_what_pages_link_to_is_there(client: httpx.Client) -> None:
    generate.load()
    index, events = client.get("/docs").text, client.get("/docs/events").text
    document = client.get("/openapi.json").json()
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    wanted = [f"/docs/operations/{id}" for id in ids]
    assert set(wanted) == set(re.findall(r'href="(/docs/operations/[^"]+)"', index))
    assert {f"/docs/events/{name}" for name in FACTS} == set(re.findall(r'href="(/docs/events/[^"]+)"', events))

    lacking = {}
    for path in (*wanted[::20], *(f"/docs/events/{name}" for name in sorted(FACTS)[::20])):
        page = client.get(path)
        targets = set(re.findall(r'href="#([^"]+)"', page.text)) - set(re.findall(r' id="([^"]+)"', page.text))
        kinds = set(re.findall(r'href="/problems/([^"]+)"', page.text)) - PROBLEMS.keys()
        if page.status_code != 200 or targets or kinds:
            lacking[path] = (page.status_code, targets, kinds)
    assert lacking == {}
    for path in ("/docs/operations/nonsense", "/docs/events/nonsense"):
        assert (client.get(path)).status_code == 404


def test_an_operation_says_what_its_body_is_made_of(client: httpx.Client) -> None:
    page = client.get("/docs/operations/create_webhook").text

    assert "https://receiver.example.gov/qsmo" in page
    assert {"NewWebhook", "WebhookShown"} <= set(re.findall(r"<code>(\w+)</code></h3>", page))
    assert re.search(r"<code>Idempotency-Key</code>.*?<td>header</td>", page, re.DOTALL)
    assert 'href="/problems/unauthenticated"' in page
