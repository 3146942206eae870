"""The public pages of a running installation, read as a browser without script reads them."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest

from tests.support.furnishing import agency_id
from tests.support.generated import write_marketplace
from tests.support.installation import Installation, an_installation
from tests.support.person import Person
from tests.unit.catalog.test_fibf import a_capability, a_lifecycle

# More than a cursor of the page before last could carry in few characters.
PRODUCTS = 90
VDP = "vulnerability-disclosure-platform"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("pages")
    with an_installation(folder) as installation:
        file = folder / "fm.json"
        file.write_bytes(orjson.dumps(a_lifecycle(a_capability())))
        installation.imported("standards", file)
        yield installation


def page(installation: Installation, path: str, *, status: int = 200) -> str:
    answer = httpx.get(installation.url + path, timeout=30)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text or path == "/"
    return html.unescape(answer.text)


def offering(installation: Installation, code: str = VDP) -> dict[str, Any]:
    found: dict[str, Any] = installation.get(f"/v1/offerings/by-key/code/{code}")
    return found


def test_every_link_of_the_start_page_to_an_area_leads_to_its_page(installation: Installation) -> None:
    links = sorted(set(re.findall(r'href="(/areas/[a-z-]+)"', page(installation, "/"))))

    assert len(links) >= 5
    for link in links:
        assert "Who leads what" in page(installation, link)


def test_an_area_is_shown_as_it_was_on_a_day(installation: Installation) -> None:
    before = page(installation, "/areas/cybersecurity?as_of=2020-04-26")
    after = page(installation, "/areas/cybersecurity?as_of=2020-04-27")

    assert '<span class="state designated">' not in before
    assert after.count('<span class="state designated">designated</span>') == 3
    assert "Cybersecurity and Infrastructure Security Agency" in after
    assert "2020-04-27" in after


def test_search_marks_what_was_asked_and_every_facet_narrows_it(installation: Installation) -> None:
    found = page(installation, "/marketplace?q=VDP")
    assert "<mark>Vulnerability</mark>" in found
    links = [link for link in re.findall(r'href="(/marketplace\?[^"]+)"', found) if "&" in link]

    assert len(links) > 5
    for link in links:
        narrowed = page(installation, link)
        assert re.search(r"<h2 id=\"hits-title\">[1-9]", narrowed), link
        assert 'aria-current="true"' in narrowed


def test_an_offering_says_how_to_get_it_and_what_it_covers(installation: Installation) -> None:
    shown = page(installation, f"/offerings/{offering(installation)['id']}")

    for said in ("possible today", "Ask the provider for access", "CYB.060.030", "Revisions"):
        assert said in shown


def test_offerings_are_compared_and_downloaded(installation: Installation) -> None:
    ids = [offering(installation, code)["id"] for code in (VDP, "soc-services")]
    query = "&".join(f"id={id_}" for id_ in ids)

    shown = page(installation, f"/compare?{query}")
    table = httpx.get(f"{installation.url}/v1/search/comparison?{query}&format=csv")

    assert "Security Operations Center Services" in shown
    assert table.text.count("\n") > 10
    assert "At most 5" in page(installation, "/compare?" + "&".join(f"id=x{n}" for n in range(6)), status=422)
    assert "Choose offerings" in page(installation, "/compare")


def test_standards_are_browsed_down_to_their_items(installation: Installation) -> None:
    assert "Financial Management Standards" in page(installation, "/standards")
    narrowed = page(installation, "/standards/fibf-ffm?under=FFM.010.010")

    assert "FFM.010.010.011" in narrowed
    assert "<code>FFM.010</code>" not in narrowed


@pytest.mark.parametrize("path", ["/offerings/nothing", "/standards/nothing", "/areas/nothing"])
def test_what_is_not_there_is_said_in_a_page_that_leads_on(installation: Installation, path: str) -> None:
    shown = page(installation, path, status=404)

    assert "nothing" in shown
    assert 'href="/marketplace"' in shown


@pytest.mark.parametrize("path", ["/marketplace?area=%22", "/marketplace?cursor=x", "/areas/cybersecurity?as_of=soon"])
def test_what_cannot_be_asked_is_said_in_a_page(installation: Installation, path: str) -> None:
    assert "cannot be asked" in page(installation, path, status=422)


def test_what_people_wrote_cannot_become_markup(installation: Installation) -> None:
    answer = httpx.get(f"{installation.url}/marketplace", params={"q": '"><script>alert(1)</script>'})

    assert "<script>alert" not in answer.text


def test_the_doctor_finds_nothing_here_and_says_what_it_looked_at(installation: Installation) -> None:
    said = installation.qsmo("doctor")

    assert said.returncode == 0, said.stdout + said.stderr
    for name in ("ready", "clock", "outbox", "events at catalog", "search", "feed", "disk"):
        assert name in said.stdout
    assert "→" not in said.stdout


@pytest.mark.parametrize(
    ("on_page", "query"), [({"q": "product"}, {"q": "product"}), ({"status": "listed"}, {"filter": "status = listed"})]
)
def test_pages_of_a_search_lead_on_to_the_last(
    installation: Installation, tmp_path: Path, on_page: dict[str, str], query: dict[str, str]
) -> None:
    write_marketplace(file := tmp_path / "marketplace.json", product_count=PRODUCTS)
    installation.imported("fedramp", file)
    deadline = time.monotonic() + 30
    while installation.get("/v1/search/offerings", q="product")["count"] < PRODUCTS:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    wanted = installation.get("/v1/search/offerings", **query)["count"]
    found: list[str] = []
    path = f"/marketplace?{urlencode(on_page)}"
    while path:
        shown = page(installation, path)
        found += dict.fromkeys(re.findall(r'href="/offerings/([^"/?]+)"', shown.partition('id="hits-title"')[2]))
        path = next(iter(re.findall(r'class="more" href="([^"]+)">Next page', shown)), "")

    assert len(found) == len(set(found)) == wanted >= PRODUCTS


def test_the_form_of_needs_offers_the_activities_of_its_area(installation: Installation) -> None:
    chosen = [f"agency_id:{agency_id(installation, '091')}", "focus_area:financial-management", "fiscal_year:2031"]
    with Person(installation.url, role="agency:091:sapoc", subject="ann") as ann:
        form = ann.client.get("/act", params={"path": "/v1/needs", "to": "/me", "chosen": chosen}).text
        elsewhere = ann.client.get(
            "/act", params={"path": "/v1/needs", "to": "/me", "chosen": [chosen[0], "focus_area:cybersecurity"]}
        )

    assert form.count("<datalist") == 1
    assert '<option value="FFM.010.010">Budget Setup</option>' in form
    assert len(re.findall(r'name="needs/\d/fibf_id"[^>]* list="f-needs-0-fibf_id-list"', form)) == 3
    assert "FFM.010.010" not in elsewhere.text
