"""Where the real files are, and the organizations they and the starter data imply together."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from services.registry.domain.names import NameIndex
from services.registry.importers import agency_codes, starter
from services.registry.importers.agency_codes import OrganizationRow
from tests.support.real_data import REAL_DATA

AGENCY_CODES = REAL_DATA / "agencies" / "agency_codes-2024-11-20.csv"
FEDERAL_DOMAINS = REAL_DATA / "dotgov" / "current-federal-2024-12-20.csv"
AGENCIES_AND_SUBS = REAL_DATA / "dotgov" / "agencies-and-subs.csv"
HISTORY = REAL_DATA / "ussm" / "qsmo-designation-history.csv"
FEDRAMP = tuple(REAL_DATA / "fedramp" / f"marketplace-{day}.json" for day in ("2023-06-27", "2024-01-30", "2025-01-20"))


def truth(name: str) -> Any:
    return json.loads((Path(__file__).parent / f"truth_{name}.json").read_text(encoding="utf-8"))


@cache
def organizations() -> dict[str, OrganizationRow]:
    """Every organization of the agency codes by key."""
    return {found.key: found for record in agency_codes.read(AGENCY_CODES) for found in record.organizations}


def index(*, with_starter: bool) -> NameIndex:
    """Names by key of the agency codes; those of the starter under the key that has their code."""
    known = [(row.key, name) for row in organizations().values() for name in (row.name, *row.aliases)]
    if with_starter:
        keys = {code: row.key for row in organizations().values() for code in row.codes}
        for found in starter.load().organizations:
            key = next((keys[code] for code in found.codes if code in keys), found.key)
            known += [(key, name) for name in (found.name, *found.aliases)]
    abbreviations = [(row.key, row.abbreviation) for row in organizations().values() if row.abbreviation]
    return NameIndex(known, abbreviations=abbreviations)


def below(key: str) -> set[str]:
    """The organization and all below it."""
    found: set[str] = {key}
    while more := {row.key for row in organizations().values() if row.parent in found} - found:
        found |= more
    return found
