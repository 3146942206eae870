"""All four services as processes of their own against real PostgreSQL and Kafka, told how to run by the environment alone."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.test_monitoring import expressions
from tests.support.cluster import Cluster, a_cluster
from tests.support.collector import Collector, a_collector
from tests.support.plans import PlanOffice, a_content
from tests.support.servers import KafkaServer, PostgresServer, free_port

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(180)]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
WRITTEN = [
    "qsmo-gateway: POST /v1/designations/{rest:path}",
    "qsmo-registry: POST /v1/designations/{id}/designate",
    "qsmo-registry: transaction",
    "qsmo-registry: create qsmo.registry",
]
SERVER = 2  # of opentelemetry.proto.trace.v1.Span.SpanKind
BASIS = {"policy": "m-19-16", "clause": "section I"}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with a_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def cluster(postgres: PostgresServer, collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    def traced(cluster: Cluster) -> None:
        cluster.variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}

    folder = tmp_path_factory.mktemp("cluster")
    with KafkaServer() as kafka, a_cluster(postgres, kafka, folder, prepare=traced) as cluster:
        yield cluster


async def eventually(client: httpx.AsyncClient, path: str, wanted: Any, *, within_s: float = 20) -> Any:
    """The answer once `wanted(answer)` holds."""
    seen: Any = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                answer = await client.get(path)
                seen = answer.json()
                if answer.is_success and wanted(seen):
                    return seen
                await asyncio.sleep(0.1)
    except TimeoutError as err:
        raise AssertionError(f"{path} stayed {seen}") from err


def has_opened(page: Any) -> bool:
    return any(event["type"] == "qsmo.catalog.marketplace.opened.v1" for event in page["items"])


async def traced(client: httpx.AsyncClient, *, count: int) -> list[dict[str, Any]]:
    """The first events on the stream that belong to TRACE."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20), client.stream("GET", "/v1/events/stream", headers={"Last-Event-ID": "0"}) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: ") and f"-{TRACE}-" in line:
                found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count:
                break
    return found


async def test_a_designation_opens_a_marketplace_and_is_seen_on_the_feed(cluster: Cluster, collector: Collector) -> None:
    await cluster.ready()
    headers = {"Authorization": f"Bearer {cluster.token('omb', 'coordinator')}"}
    async with httpx.AsyncClient(base_url=cluster.url, headers=headers, timeout=30) as client:
        policy = {"id": "m-19-16", "title": "M-19-16", "issuer": "OMB", "issued_on": "2019-04-26"}
        assert (await client.post("/v1/policies", json=policy)).status_code == 201
        area = {"id": "cybersecurity", "title": "Cyber", "policy": "m-19-16", "services": [{"slug": "dns", "title": "DNS"}]}
        assert (await client.post("/v1/focus-areas", json=area)).status_code == 201
        cisa = (await client.post("/v1/organizations", json={"name": "CISA", "kind": "component"})).json()
        body = {"focus_area": "cybersecurity", "service": "dns", "organization_id": cisa["id"], "effective_on": "2019-04-26"}
        office = PlanOffice(client, lambda subject, roles: cluster.token(*roles, subject=subject))
        await office.seats("cio", "cfo")
        await office.approved(cisa["id"], a_content(cisa["id"], "dns"))
        begun = await client.post("/v1/designations/pre-designate", json=body | BASIS)
        await eventually(client, "/v1/marketplaces/cybersecurity", lambda found: found["status"] == "planned")
        designated = await client.post(
            f"/v1/designations/{begun.json()['id']}/designate",
            json={"effective_on": "2020-04-27"} | BASIS,
            headers={"If-Match": begun.headers["etag"], "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
        )
        assert designated.status_code == 200, designated.text
        await eventually(client, "/v1/marketplaces/cybersecurity", lambda found: found["status"] == "open")

        feed = await eventually(client, "/v1/events?after=0&limit=100", has_opened)
        streamed = await traced(client, count=2)

    types = [event["type"] for event in feed["items"]]
    assert types.index("qsmo.registry.designation.designated.v1") < types.index("qsmo.catalog.marketplace.opened.v1")
    assert [event["seq"] for event in feed["items"]] == list(range(1, len(types) + 1))
    opened = next(event for event in feed["items"] if event["type"] == "qsmo.catalog.marketplace.opened.v1")
    assert opened["focusarea"] == "cybersecurity"
    # From the request over Kafka and a consumer that records a fact of its own to the stream: one trace.
    assert [event["type"] for event in streamed] == [
        "qsmo.registry.designation.designated.v1",
        "qsmo.catalog.marketplace.opened.v1",
    ]
    created = "qsmo-catalog: create qsmo.catalog"
    await collector.eventually(lambda seen: created in {f"{span.service}: {span.name}" for span in seen.of(TRACE)})
    opening = next(span for span in collector.of(TRACE) if span.name == "create qsmo.catalog")
    await collector.eventually(lambda seen: len(seen.way_to(opening)) == len(WRITTEN) + 2)  # of other services, at other times
    assert collector.way_to(opening) == [*WRITTEN, "qsmo-catalog: process catalog", created]


async def test_a_write_is_one_trace_from_the_request_to_the_streams(cluster: Cluster, collector: Collector) -> None:
    await cluster.ready()
    trace_id, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"Authorization": f"Bearer {cluster.token('omb')}", "traceparent": f"00-{trace_id}-{caller}-01"}
    policy = {"id": "m-14-16", "title": "Traced", "issuer": "OMB", "issued_on": "2014-05-01"}
    async with (
        httpx.AsyncClient(base_url=cluster.url, timeout=30) as client,
        client.stream("GET", "/v1/events/stream") as stream,
    ):
        assert (await client.post("/v1/policies", json=policy, headers=headers)).status_code == 201
        async with asyncio.timeout(20):
            event = await anext(json.loads(line[6:]) async for line in stream.aiter_lines() if f"-{trace_id}-" in line)
    written = ["qsmo-gateway: POST /v1/policies", "qsmo-registry: POST /v1/policies", *WRITTEN[2:]]
    seen = ["qsmo-gateway: process gateway-feed", "qsmo-gateway: append to feed", "qsmo-gateway: deliver"]
    others = ["qsmo-registry: send qsmo.registry", "qsmo-catalog: process catalog", "qsmo-adoption: process adoption"]
    await collector.eventually(lambda come: len(come.of(trace_id)) == len([*written, *seen, *others]))

    spans = {f"{span.service}: {span.name}": span for span in collector.of(trace_id)}
    ways = {name: collector.way_to(span) for name, span in spans.items()}
    root = spans["qsmo-gateway: POST /v1/policies"]
    assert (root.parent_id, root.kind, root.attributes["http.response.status_code"]) == (caller, SERVER, "201")
    assert [ways[name] for name in others] == [[*written, name] for name in others]
    assert ways["qsmo-gateway: deliver"] == [*written, *seen]
    # What travels with the fact is the step that made it.
    assert event["traceparent"] == f"00-{trace_id}-{spans['qsmo-registry: create qsmo.registry'].id}-01"
    assert spans["qsmo-gateway: deliver"].attributes == {"qsmo.seq": str(event["seq"]), "qsmo.streams": "1"}
    assert not [span.name for span in spans.values() if span.has_failed or span.ended_ns < span.started_ns]


async def test_running_services_show_every_metric_that_operators_watch_with_the_labels_they_ask_by(cluster: Cluster) -> None:
    """Of the rules and the dashboard; `or vector(0)` and the like ask for nothing of ours."""
    await cluster.ready()
    asked = {(name, label) for text in expressions() for name, label in watched(text)}
    missing = asked
    async with asyncio.timeout(60), httpx.AsyncClient() as client:  # some are told every few seconds
        while missing := asked - {found for port in cluster.ports.values() for found in await shown(client, port)}:
            await asyncio.sleep(1)
    assert len(asked) > 10, missing


def watched(expression: str) -> Iterator[tuple[str, str]]:
    """(metric, label matched by), the label empty where there is none."""
    for name, matchers in re.findall(r"\b(qsmo_[a-z0-9_]+)(\{[^}]*\})?", expression):
        yield name, ""
        for label in re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", matchers):
            yield name, label


async def shown(client: httpx.AsyncClient, port: int) -> set[tuple[str, str]]:
    text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, label) for sample in samples for label in ("", *sample.labels)}


async def test_each_service_verifies_tokens_for_itself(cluster: Cluster) -> None:
    await cluster.ready()
    for service in ("registry", "catalog", "adoption", "gateway"):
        url = f"http://127.0.0.1:{cluster.ports[service]}/v1/imports/fedramp"
        async with httpx.AsyncClient() as client:
            assert (await client.post(url, content=b"x")).status_code == 401
            forged = await client.post(url, content=b"x", headers={"Authorization": "Bearer a.b.c"})
            assert forged.status_code == 401


async def test_an_api_key_opens_the_owners_that_fetch_the_gateways_keys(cluster: Cluster) -> None:
    await cluster.ready()
    person = {"Authorization": f"Bearer {cluster.token('omb')}"}
    policy = {"id": "m-13-08", "title": "M-13-08", "issuer": "OMB", "issued_on": "2013-03-25"}
    async with httpx.AsyncClient(base_url=cluster.url, timeout=30) as client:
        made = await client.post("/v1/api-keys", json={"name": "a system", "scopes": ["registry:write"]}, headers=person)
        assert made.status_code == 201, made.text
        by_key = await client.post("/v1/policies", json=policy, headers={"X-Api-Key": made.json()["secret"]})
        forged = await client.post("/v1/policies", json=policy, headers={"X-Api-Key": made.json()["secret"][:-1]})

    assert (by_key.status_code, forged.status_code) == (201, 401), by_key.text


async def test_a_service_that_is_down_is_named_and_the_rest_is_served(cluster: Cluster) -> None:
    await cluster.ready()
    cluster.kill("adoption")
    try:
        async with httpx.AsyncClient(base_url=cluster.url, timeout=30) as client:
            refused = await client.get("/v1/adoptions")
            overview = await client.get("/v1/regime")
    finally:
        cluster.start("adoption")
    await cluster.ready()

    assert refused.status_code == 503
    assert "adoption" in refused.json()["detail"]
    assert overview.status_code == 200
    assert '"unavailable"' in overview.text


@contextmanager
def as_role(cluster: Cluster, service: str, role: str, *, port: int, **settings: str) -> Iterator[None]:
    process = cluster.spawn(service, port=port, ROLE=role, MEMBER=f"{service}-{role}", **settings)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


async def checks_of(client: httpx.AsyncClient, port: int) -> set[str]:
    return set((await client.get(f"http://127.0.0.1:{port}/readyz")).json()["checks"])


async def test_an_api_writes_and_answers_without_a_bus_and_what_it_recorded_waits_for_a_worker(cluster: Cluster) -> None:
    await cluster.ready()
    headers = {"Authorization": f"Bearer {cluster.token('omb')}"}
    policy = {"id": "m-07-16", "title": "By an API", "issuer": "OMB", "issued_on": "2007-05-22"}
    ports = {role: free_port() for role in ("api", "worker", "feed")}
    for service in ("registry", "gateway"):
        cluster.kill(service)
    try:
        with (
            as_role(cluster, "registry", "api", port=cluster.ports["registry"], BUS_URL="kafka://127.0.0.1:1"),
            as_role(cluster, "gateway", "api", port=cluster.ports["gateway"], BUS_URL="kafka://127.0.0.1:1"),
        ):
            await cluster.ready()
            async with (
                httpx.AsyncClient(base_url=cluster.url, headers=headers, timeout=30) as client,
                client.stream("GET", "/v1/events/stream") as stream,
            ):
                assert (await client.post("/v1/policies", json=policy)).status_code == 201
                progress = f"http://127.0.0.1:{cluster.ports['registry']}/internal/progress"
                await asyncio.sleep(1.5)  # several times what a relay takes
                assert (await client.get(progress)).json()["pending"] == 1
                assert await checks_of(client, cluster.ports["registry"]) == {"database", "loops"}
                with (
                    as_role(cluster, "registry", "worker", port=ports["worker"]),
                    as_role(cluster, "gateway", "worker", port=ports["feed"]),
                ):
                    await cluster.answers("registry", ports["worker"])
                    await cluster.answers("gateway", ports["feed"])
                    async with asyncio.timeout(20):
                        event = await anext(line async for line in stream.aiter_lines() if "m-07-16" in line)
                    await eventually(client, progress, lambda found: found["pending"] == 0)
                    for port in (ports["worker"], ports["feed"]):
                        assert await checks_of(client, port) == {"database", "loops", "bus"}
                        assert (await client.get(f"http://127.0.0.1:{port}/v1/policies")).status_code == 404
                        assert (await client.get(f"http://127.0.0.1:{port}/metrics")).status_code == 200
    finally:
        for service in ("registry", "gateway"):
            cluster.start(service)
    assert "policy" in event
