"""Static files: what a style sheet names is there, browsers keep what is named by its content, text goes compressed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import pytest

from services.gateway.dashboard import render
from services.gateway.dashboard.visitor import VISITOR, Visitor

SHEET = "uswds.css"


@pytest.fixture
def taking_gzip() -> Iterator[None]:
    before = VISITOR.set(Visitor(takes_gzip=True))
    yield
    VISITOR.reset(before)


def text(name: str) -> str:
    found = render.static_response(name, version=None)
    assert found is not None
    return bytes(found.body).decode()


def test_what_the_sheet_names_is_there_under_the_hash_it_names() -> None:
    named = re.findall(r"url\(\"?([^\")]+)", text(SHEET))

    assert len(named) > 20
    for address in named:
        name, _, version = address.partition("?v=")
        assert render.asset(name) == f"/static/{name}?v={version}"


def test_only_what_is_asked_for_by_its_content_is_kept_for_good() -> None:
    version = render.asset(SHEET).partition("?v=")[2]
    lasting = {v: render.static_response(SHEET, version=v) for v in (version, "other", None)}

    assert [found and "immutable" in found.headers["cache-control"] for found in lasting.values()] == [True, False, False]


def test_text_goes_compressed_to_who_takes_it(taking_gzip: None) -> None:
    sheet, font = (render.static_response(name, version=None) for name in (SHEET, "PublicSans-Regular.woff2"))

    assert sheet is not None
    assert font is not None
    assert sheet.headers["content-encoding"] == "gzip"
    assert len(sheet.body) < 40_000 < len(gzip.decompress(bytes(sheet.body)))
    assert "content-encoding" not in font.headers


@pytest.mark.parametrize("name", ["nothing.css", "../render.py", "style.css/../live.js", "", "live.js.map"])
def test_there_is_nothing_else(name: str) -> None:
    assert render.static_response(name, version=None) is None


@pytest.mark.parametrize("name", ["LICENSE-uswds.md", "LICENSE-public-sans.txt"])
def test_licences_come_along(name: str) -> None:
    assert "SIL Open Font License" in text(name) or "SIL OPEN FONT LICENSE" in text(name)
