"""The main job as a user does it: serve, look, import real files, follow the facts, verify."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.support.installation import Installation, an_installation
from tests.support.real_data import REAL_DATA, needs_real_data

SETTLE_S = 60.0
AT_REST_S = 2.0


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with an_installation(tmp_path_factory.mktemp("installation")) as installation:
        yield installation


def settled_head(installation: Installation) -> int:
    """The head of the feed once it has not moved for a while: a service's starter data may wait for another's facts."""
    deadline, seen, since = time.monotonic() + SETTLE_S, -1, 0.0
    while time.monotonic() < deadline:
        head = int(installation.get("/v1/events", after=0, limit=1)["head"])
        if head != seen:
            seen, since = head, time.monotonic()
        elif time.monotonic() - since > AT_REST_S:
            return head
        time.sleep(0.1)
    raise TimeoutError("the feed does not come to rest")


def services(installation: Installation, area: str, as_of: str) -> dict[str, tuple[str, str]]:
    items = installation.get("/v1/designations", area=area, as_of=as_of, limit=200)["items"]
    return {item["service"]: (item["status"], item["organization_name"]) for item in items}


def test_the_start_page_names_the_areas_and_works_without_script(installation: Installation) -> None:
    page = httpx.get(installation.url + "/")

    assert page.status_code == 200
    assert "unsafe" not in page.headers["content-security-policy"]
    for words in ("Cybersecurity", "Financial Management", "Human Resources", "Grants Management", "Acquisition"):
        assert words in page.text


def test_cisa_is_designated_for_three_services_a_year_and_a_day_after_the_memo(installation: Installation) -> None:
    cisa = "Cybersecurity and Infrastructure Security Agency"

    before = services(installation, "cybersecurity", "2020-04-26")
    after = services(installation, "cybersecurity", "2020-05-01")

    assert {status for status, _ in before.values()} == {"pre_designated"}
    assert {name for name, (status, _) in after.items() if status == "designated"} == {
        "soc-standardization",
        "vulnerability-management",
        "dns-resolver",
    }
    assert {lead for _, lead in after.values()} == {cisa}


def test_human_resources_moves_from_gsa_to_opm_and_falls_back_a_state(installation: Installation) -> None:
    gsa = services(installation, "human-resources", "2020-07-01")["compensation"]
    moved = services(installation, "human-resources", "2022-01-01")["compensation"]
    now = services(installation, "human-resources", "2026-01-01")["compensation"]

    assert gsa == ("designated", "General Services Administration")
    assert moved == ("pre_designated", "Office of Personnel Management")
    assert now == ("designated", "Office of Personnel Management")


def test_marketplaces_open_by_the_facts_and_offer_something(installation: Installation) -> None:
    deadline, offered = time.monotonic() + SETTLE_S, set[str]()
    # The starter offerings follow the facts that open marketplaces.
    while not offered >= {"cybersecurity", "grants-management"} and time.monotonic() < deadline:
        published = installation.get("/v1/offerings", status="published", limit=200)["items"]
        offered = {area for offering in published for area in offering["focus_areas"]}
        time.sleep(0.1)

    states = {m["id"]: m["status"] for m in installation.get("/v1/marketplaces")["items"]}

    assert {area for area, state in states.items() if state == "open"} == {
        "cybersecurity",
        "financial-management",
        "human-resources",
        "grants-management",
    }
    assert states["acquisition"] == "planned"
    assert offered >= {"cybersecurity", "grants-management"}


def test_the_regime_overview_answers_with_every_section(installation: Installation) -> None:
    overview = orjson.dumps(installation.get("/v1/regime")).decode()

    assert "unavailable" not in overview
    assert "cybersecurity" in overview


def test_every_event_is_a_cloudevent_with_a_gap_free_seq(installation: Installation) -> None:
    head, after, seen = settled_head(installation), 0, []
    headers = installation.headers("auditor")
    while after < head:
        page = httpx.get(f"{installation.url}/v1/events", params={"after": after, "limit": 200}, headers=headers).json()
        seen += page["items"]
        after = page["next_after"]

    assert [event["seq"] for event in seen] == list(range(1, head + 1))
    assert {event["specversion"] for event in seen} == {"1.0"}


@needs_real_data
@pytest.mark.timeout(300)
def test_real_files_are_imported_with_every_row_accounted_for_and_again_without_a_change(installation: Installation) -> None:
    history = REAL_DATA / "ussm" / "qsmo-designation-history.csv"
    codes = REAL_DATA / "agencies" / "agency_codes-2024-11-20.csv"
    older = REAL_DATA / "fedramp" / "marketplace-2024-01-30.json"
    newer = REAL_DATA / "fedramp" / "marketplace-2025-01-20.json"

    assert installation.imported("designations", history)["designations"]["read"] == 403
    assert installation.imported("designations", history)["designations"]["unchanged"] == 403
    assert installation.imported("organizations", codes)["organizations"]["read"] == 1_531

    first = installation.imported("fedramp", older)
    assert {name: counts["read"] for name, counts in first.items()} == {
        "agencies": 221,
        "products": 461,
        "authorizations": 325,
        "reuses": 2_066,
    }
    assert first["products"]["created"] == 461
    assert first["reuses"]["duplicate"] == 13

    second = installation.imported("fedramp", newer)
    assert {name: counts["read"] for name, counts in second.items()} == {
        "agencies": 231,
        "products": 500,
        "authorizations": 358,
        "reuses": 2_362,
    }
    assert second["products"]["updated"] > 100
    assert second["reuses"]["duplicate"] == 17

    again = installation.imported("fedramp", newer)
    for section, counts in again.items():
        assert counts["created"] == counts["updated"] == 0, (section, counts)
        assert counts["parked"] == second[section]["parked"]


@needs_real_data
def test_resolving_a_match_review_takes_up_the_rows_that_waited(installation: Installation) -> None:
    headers = installation.headers("coordinator", "auditor")
    with httpx.Client(base_url=installation.url, headers=headers, timeout=30) as client:
        waiting = pages(client, "/v1/parked-rows")
        codes = {row["waits_for"].removeprefix("fedramp-agency:") for row in waiting if "agency" in row["waits_for"]}
        review = next(
            r for r in pages(client, "/v1/match-reviews?status=open") if r["scheme"] == "fedramp" and r["value"] in codes
        )
        body = {"name": review["name"], "kind": "office"}
        organization = client.post("/v1/organizations", json=body).json()
        resolved = client.post(
            f"/v1/match-reviews/{review['id']}/resolve",
            json={"organization_id": organization["id"]},
            headers={"If-Match": f'"{review["version"]}"'},
        )
        assert resolved.status_code == 200, resolved.text

        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            left = [row for row in pages(client, "/v1/parked-rows") if row["waits_for"] == f"fedramp-agency:{review['value']}"]
            adoptions = client.get("/v1/adoptions", params={"agency_id": organization["id"]}).json()["items"]
            if not left and adoptions:
                break
            time.sleep(0.2)

    assert left == []
    assert {adoption["source"] for adoption in adoptions} == {"fedramp"}


def pages(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    href = path + ("&" if "?" in path else "?") + "limit=200"
    while href:
        answer = client.get(href)
        assert answer.is_success, answer.text
        found += answer.json()["items"]
        link = answer.headers.get("link", "")
        href = link[1 : link.index(">")] if link else ""
    return found


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"{", "cut off"),
        (b'{"data": {"Products": [{"id": "F1"', "cut off"),
        (b'["not", "a", "marketplace"]', "FedRAMP"),
        (b"PK\x03\x04" + b"\x00" * 100, "ZIP archive"),
        (b"\x1f\x8b\x08" + b"\x00" * 100, "gzip archive"),
    ],
)
def test_a_file_that_is_no_marketplace_is_refused_and_changes_nothing(
    installation: Installation, tmp_path: Path, content: bytes, says: str
) -> None:
    head = settled_head(installation)
    file = tmp_path / "marketplace.json"
    file.write_bytes(content)

    done = installation.qsmo("import", "fedramp", file, "--json")

    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert settled_head(installation) == head


def test_a_file_over_the_limit_is_refused_before_it_is_sent(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "huge.json"
    with file.open("wb") as handle:
        handle.truncate(300 << 20)

    done = installation.qsmo("import", "fedramp", file)

    assert done.returncode == 1
    assert "256 MiB" in done.stderr


def test_the_audit_holds_and_finds_a_changed_fact(installation: Installation) -> None:
    settled_head(installation)
    assert installation.qsmo("audit", "verify").returncode == 0

    with sqlite3.connect(installation.data / "gateway.db") as database:
        (event,) = database.execute("SELECT event FROM feed WHERE seq = 7").fetchone()
        database.execute("UPDATE feed SET event = ? WHERE seq = 7", (event.replace('"actor":"', '"actor":"x'),))
    broken = installation.qsmo("audit", "verify")
    with sqlite3.connect(installation.data / "gateway.db") as database:
        database.execute("UPDATE feed SET event = ? WHERE seq = 7", (event,))

    assert broken.returncode == 1
    assert "seq 7" in broken.stdout
    assert installation.qsmo("audit", "verify").returncode == 0


def test_a_second_server_on_the_same_data_is_refused_and_says_where_the_first_is(installation: Installation) -> None:
    second = installation.qsmo("serve")

    assert second.returncode == 1
    assert installation.url in second.stderr


def test_stopping_ends_open_streams_and_starting_again_keeps_everything(tmp_path: Path) -> None:
    with an_installation(tmp_path) as installation:
        head = settled_head(installation)
        with httpx.stream("GET", f"{installation.url}/v1/events/stream", params={"after": 0}, timeout=30) as stream:
            next(stream.iter_bytes())
            begun = time.monotonic()
            assert installation.stop() == 0
            assert time.monotonic() - begun < 6

        installation.start()
        assert settled_head(installation) == head


def test_the_command_line_works_on_the_data_when_nothing_is_served(tmp_path: Path) -> None:
    file = tmp_path / "dotgov.csv"
    file.write_text("Agency,Bureau\nDepartment of Homeland Security,\n")
    with an_installation(tmp_path, serving=False) as installation:
        assert installation.imported("dotgov", file) == {
            "dotgov": {"read": 1, "created": 0, "updated": 0, "unchanged": 1, "duplicate": 0, "parked": 0, "refused": 0}
        }
        exported = installation.qsmo("export")

    lines = [orjson.loads(line) for line in exported.stdout.splitlines()]
    assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)
    assert "qsmo.registry.policy.recorded.v1" in {line["type"] for line in lines}
