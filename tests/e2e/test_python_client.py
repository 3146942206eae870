"""clients/python against a gateway as a user has it, also through connections that break."""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import qsmo_client as qsmo
from qsmo_client.exchange import Call, Exchange

from tests.support.cutting import a_cutting_proxy
from tests.support.installation import Installation, an_installation

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"
ROLES = ("coordinator", "omb")
CUT_WRITES = int(os.environ.get("QSMO_CUT_WRITES", "15"))


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with an_installation(tmp_path_factory.mktemp("client")) as running:
        yield running


@pytest.fixture(scope="module")
def token(installation: Installation) -> str:
    return installation.token(*ROLES)


@pytest.fixture
def client(installation: Installation, token: str) -> Iterator[qsmo.Client]:
    with qsmo.Client(installation.url, token=token) as client:
        yield client


def an_agency(name: str | None = None) -> dict[str, object]:
    return {"name": name or f"Agency {uuid4().hex}", "kind": "department", "codes": []}


# --- reads and writes


def test_a_list_is_read_page_after_page_without_a_seam(client: qsmo.Client) -> None:
    made = {client.post("/v1/organizations", an_agency())["id"] for _ in range(5)}

    by_twos = [item["id"] for item in client.items("/v1/organizations", limit=2)]

    assert made <= set(by_twos)
    assert len(by_twos) == len(set(by_twos))
    assert by_twos == [item["id"] for item in client.items("/v1/organizations", limit=200)]


def test_what_was_written_is_read_back_also_by_another_client(client: qsmo.Client, installation: Installation) -> None:
    for _ in range(5):
        made = client.post("/v1/organizations", an_agency())
        with qsmo.Client(installation.url) as other:
            other.written = client.written
            (event,) = list(other.events(after=0, how="once", subject=made["id"]))

        assert client.get(f"/v1/agencies/{made['id']}/overview")["organization"]["name"] == made["name"]
        assert event.data["name"] == made["name"]


def test_what_was_read_before_comes_back_while_it_holds(client: qsmo.Client) -> None:
    made = client.post("/v1/organizations", an_agency())
    href = f"/v1/organizations/{made['id']}"
    first = client.get(href)

    assert client.get(href, known=first) is first
    client.put(href, an_agency("Another name"), etag=first.etag)
    assert client.get(href, known=first)["name"] == "Another name"


def test_an_action_is_taken_by_its_name(client: qsmo.Client) -> None:
    designation = next(client.items("/v1/designations", area="cybersecurity"))
    shown = client.get(f"/v1/designations/{designation['id']}")

    with pytest.raises(ValueError, match="no action 'abolish'"):
        client.act(shown, "abolish")
    with pytest.raises(qsmo.Invalid) as invalid:
        client.act(shown, "transfer", {"nonsense": 1})

    assert any("nonsense" in error["pointer"] for error in invalid.value.errors)


def test_a_file_is_imported_and_followed_to_its_end(client: qsmo.Client) -> None:
    done = client.finished(client.upload("organizations", b"AGENCY NAME,CGAC AGENCY CODE\nTried,990\n", validate_only=True))

    assert done["status"] in {"succeeded", "failed"}
    assert done["validate_only"] is True


# --- problems


def test_each_refusal_is_an_exception_of_its_own(client: qsmo.Client, installation: Installation) -> None:
    made = client.post("/v1/organizations", an_agency())
    href = f"/v1/organizations/{made['id']}"
    with pytest.raises(qsmo.NotFound) as missing:
        client.get("/v1/organizations/none")
    with pytest.raises(qsmo.Invalid) as invalid:
        client.post("/v1/organizations", {"name": "x", "kind": "nonsense"})
    with pytest.raises(qsmo.PreconditionRequired):
        client.put(href, an_agency())
    with pytest.raises(qsmo.StaleVersion):
        client.put(href, an_agency(), etag='"7"')
    with pytest.raises(qsmo.Malformed):
        client.get("/v1/organizations", nonsense=1)
    with qsmo.Client(installation.url) as anybody, pytest.raises(qsmo.Unauthenticated):
        anybody.post("/v1/organizations", an_agency())
    with qsmo.Client(installation.url, token=installation.token("auditor")) as auditor, pytest.raises(qsmo.Forbidden):
        auditor.post("/v1/organizations", an_agency())

    assert (missing.value.type, missing.value.status) == ("/problems/not-found", 404)
    assert invalid.value.errors[0]["pointer"] == "/kind"
    assert httpx.get(installation.url + invalid.value.type).status_code == 200


def test_a_client_without_a_gateway_says_so(installation: Installation) -> None:
    with (
        a_cutting_proxy(installation.port, lambda: 1) as proxy,
        qsmo.Client(proxy.url, retries=1) as client,
        pytest.raises(qsmo.Unreachable, match="2 attempts"),
    ):
        client.get("/v1/organizations")


def test_a_token_or_a_key_but_not_both() -> None:
    with pytest.raises(ValueError, match="not both"):
        qsmo.Client("http://127.0.0.1:1", token="a", api_key="b")


def test_what_goes_away_is_warned_of() -> None:
    flow = Exchange(token=None, api_key=None, retries=0).until_answered(Call(method="GET", path="/v1/old"))
    next(flow)
    told = {"Sunset": "Thu, 01 Jul 2027 00:00:00 GMT", "Link": '</v1/new>; rel="successor-version"'}
    answer = httpx.Response(200, headers=told, request=httpx.Request("GET", "http://gateway/v1/old"))

    warned = pytest.warns(qsmo.GoesAway, match="GET /v1/old goes away on Thu, 01 Jul 2027 00:00:00 GMT: </v1/new>")
    with warned, pytest.raises(StopIteration):
        flow.send(answer)


def test_a_key_of_a_system_does_instead_of_a_token(client: qsmo.Client, installation: Installation) -> None:
    made = client.post("/v1/api-keys", {"name": "a system", "scopes": ["registry:read", "registry:write"]})

    with qsmo.Client(installation.url, api_key=made["secret"]) as system:
        assert system.post("/v1/organizations", an_agency())["id"]


# --- connections that break


def test_a_write_whose_answer_is_lost_takes_effect_once(installation: Installation, token: str) -> None:
    chance = random.Random(1)
    names = [f"Cut {n} {uuid4().hex}" for n in range(CUT_WRITES)]
    with (
        a_cutting_proxy(installation.port, lambda: chance.choice((chance.randint(1, 1_200), 6_000))) as proxy,
        qsmo.Client(proxy.url, token=token, retries=30) as client,
    ):
        made = {client.post("/v1/organizations", an_agency(name))["id"]: name for name in names}
    with qsmo.Client(installation.url, token=token) as direct:
        direct.written = client.written
        events = direct.events(after=0, how="once", types=["qsmo.registry.organization.registered.v1"])
        told = [event.subject for event in events if event.data["name"] in names]

    assert proxy.cuts >= CUT_WRITES // 4
    assert sorted(told) == sorted(made)
    assert list(made.values()) == names


@pytest.mark.parametrize("how", ["stream", "poll"])
def test_the_feed_is_whole_across_cut_connections(installation: Installation, token: str, how: str) -> None:
    with qsmo.Client(installation.url, token=token) as direct:
        for _ in range(10):
            direct.post("/v1/organizations", an_agency())
        head = direct.get("/v1/events", limit=1, after=0)["head"]
    chance = random.Random(2)
    with (
        a_cutting_proxy(installation.port, lambda: chance.randint(400, 50_000)) as proxy,
        qsmo.Client(proxy.url, token=token) as client,
        client.events(after=0, how="stream" if how == "stream" else "poll") as events,
    ):
        if how == "poll":  # a page is taken whole or not at all: the cuts must let one through now and then
            proxy.cut = lambda: chance.choice((2_000, 3_000_000))
        seqs = [event.seq for event in islice(events, head)]

    assert proxy.cuts > 0
    assert seqs == list(range(1, head + 1))
    assert events.cursor == head


async def test_the_feed_is_whole_across_cut_connections_with_asyncio(installation: Installation, token: str) -> None:
    chance = random.Random(3)
    seqs: list[int] = []
    async with qsmo.AsyncClient(installation.url) as direct:
        head = (await direct.get("/v1/events", limit=1))["head"]
    with a_cutting_proxy(installation.port, lambda: chance.randint(400, 50_000)) as proxy:
        async with qsmo.AsyncClient(proxy.url, token=token) as client, client.events(after=0) as events:
            async for event in events:
                seqs.append(event.seq)
                if event.seq == head:
                    break

    assert proxy.cuts > 0
    assert seqs == list(range(1, head + 1))


async def test_everything_is_there_with_asyncio_too(installation: Installation, token: str) -> None:
    async with qsmo.AsyncClient(installation.url, token=lambda: token) as client:
        names = [f"Async {n} {uuid4().hex}" for n in range(3)]
        made = await asyncio.gather(*(client.post("/v1/organizations", an_agency(name)) for name in names))
        ids = [item["id"] async for item in client.items("/v1/organizations", limit=3)]
        polled = [event.subject async for event in client.events(after=0, how="once", subject=made[0]["id"])]
        with pytest.raises(qsmo.NotFound):
            await client.get("/v1/organizations/none")

    assert {item["id"] for item in made} <= set(ids)
    assert polled == [made[0]["id"]]


def test_a_stream_goes_on_when_the_gateway_was_away(tmp_path: Path) -> None:
    with an_installation(tmp_path) as installation:
        token = installation.token(*ROLES)
        seen: list[int] = []
        enough = threading.Event()

        def follow() -> None:
            with qsmo.Client(installation.url, token=token) as client:
                for event in client.events(after=0, give_up_after_s=60):
                    seen.append(event.seq)
                    if event.data.get("name") == "The last":
                        enough.set()
                        return

        following = threading.Thread(target=follow)
        following.start()
        with qsmo.Client(installation.url, token=token) as client:
            client.post("/v1/organizations", an_agency())
        installation.stop()
        installation.start()
        with qsmo.Client(installation.url, token=token) as client:
            client.post("/v1/organizations", an_agency("The last"))
        assert enough.wait(30)
        following.join()

    assert seen == list(range(1, len(seen) + 1))


def test_what_will_not_pass_ends_a_stream(installation: Installation) -> None:
    with qsmo.Client(installation.url) as client, pytest.raises(qsmo.Invalid):
        next(client.events(after=10**9))
    with qsmo.Client("http://127.0.0.1:9", retries=0) as nowhere, pytest.raises(qsmo.Unreachable, match="silent"):
        next(nowhere.events(after=0, give_up_after_s=0.3))


# --- the package


def test_the_readme_works_as_written(installation: Installation, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (CLIENT / "README.md").read_text(), flags=re.DOTALL)
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks))
    settings = {"QSMO_URL": installation.url, "QSMO_TOKEN": installation.token(*ROLES), "PYTHONPATH": str(CLIENT)}

    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert len(blocks) >= 5
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is led by" in done.stdout
