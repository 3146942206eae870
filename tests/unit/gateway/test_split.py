from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.gateway.fedramp.split import SECTIONS, split
from shared.kernel.errors import Invalid

MARKETPLACE: dict[str, Any] = {
    "meta": {"produced_by": "tests", "Products": [{"id": "not this one"}]},
    "data": {
        "Filters": {"product": {"status": [], "Agencies": [{"id": "nor this"}]}},
        "Products": [{"id": "FR1", "name": "Ünïcode “One”", "service_model": ["SaaS"], "deep": {"a": [1, 2.5, None, True]}}],
        "Agencies": [{"id": "22-001", "parent": "An agency", "auths": [1], "reuses": [2], "procs": [3], "email": "a@b"}],
        "AtoMapping": [{"id": "FR1", "agency_id": "22-001"}],
        "ReuseMapping": [{"id": "FR1", "agency_id": "22-002"}, {"id": "FR1", "agency_id": "22-003"}],
    },
}


def a_file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "marketplace.json"
    path.write_bytes(content)
    return path


def rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for section, spool in split(path).items():
        lines = [orjson.loads(line) for line in spool.path.read_bytes().splitlines()]
        spool.path.unlink()
        assert [line["number"] for line in lines] == list(range(1, spool.rows + 1))
        assert {line["section"] for line in lines} <= {section}
        found[section] = [line["data"] for line in lines]
    return found


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    spools = tmp_path / "spools"
    spools.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spools))
    yield
    assert list(spools.iterdir()) == []


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("indent", [0, orjson.OPT_INDENT_2], ids=["compact", "indented"])
def test_every_section_goes_to_a_spool_of_its_own(tmp_path: Path, mark: bytes, indent: int) -> None:
    found = rows(a_file(tmp_path, mark + orjson.dumps(MARKETPLACE, option=indent)))

    assert tuple(found) == SECTIONS
    assert found["products"] == MARKETPLACE["data"]["Products"]
    assert found["agencies"] == [{"id": "22-001", "parent": "An agency"}]
    assert found["authorizations"] == MARKETPLACE["data"]["AtoMapping"]
    assert found["reuses"] == MARKETPLACE["data"]["ReuseMapping"]


def test_a_file_of_before_the_mapping_tables_is_fine(tmp_path: Path) -> None:
    data = {name: MARKETPLACE["data"][name] for name in ("Products", "Agencies")}

    found = rows(a_file(tmp_path, orjson.dumps({"data": data})))

    assert len(found["products"]) == 1
    assert found["authorizations"] == found["reuses"] == []


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = orjson.dumps(MARKETPLACE)
    for end in [*range(1, 40), *random.Random(7).sample(range(40, len(whole)), 150), len(whole) - 1]:
        with pytest.raises(Invalid, match=r"cut off|not JSON|no FedRAMP"):
            split(a_file(tmp_path, whole[:end]))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"hello", "cut off or broken"),
        (b"[]", "object at the top"),
        (b"{}", "no data.Agencies and no data.Products"),
        (b'{"data": []}', "object in `data`"),
        (b'{"data": {"Products": {}}}', "list in `data.Products`"),
        (b'{"data": {"Products": [1], "Agencies": []}}', "Row 1 of data.Products is no object"),
        (b'{"data": {"Products": []}}', "no data.Agencies"),
        (b'{"data": {"Products": [], "Agencies": []}} {}', "broken"),
        (b'{"data": {"Products": [{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b'}], "Agencies": []}}', "nested deeper"),
        (b"PK\x03\x04", "ZIP archive"),
        (b'{"data": {"Products": [{"id": "\xff"}], "Agencies": []}}', "broken|not JSON"),
    ],
)
def test_what_is_no_marketplace_is_refused_with_the_reason(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        split(a_file(tmp_path, content))
