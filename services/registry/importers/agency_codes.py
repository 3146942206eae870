"""Reads the agency codes CSV: one record per row, naming every organization that the row implies.

What the file is (1,531 rows of November 2024): a row is a *subtier* (FPDS code) inside an *agency* (Treasury's CGAC
code), and says in which financial reporting entity (FREC) it reports. No row stands for an agency alone, so the tree
is derived:

* Each of the 190 CGAC agencies stands at the top, key `cgac:070`.
* The row that repeats the agency's name as its subtier *is* the agency: `subtier:7000` is another code of it.
* A FREC whose `FREC CGAC ASSOCIATION` is TRUE belongs to this agency. It *is* the agency when it is on the agency's
  own row or has its name (two of them for the Inter-American and African Development Foundations). Otherwise it is a
  reporting entity of its own below the agency (key `frec:1125`, Peace Corps below the Executive Office), and the
  subtier on its one or TOPTIER_FLAG row is the same organization. Where the association is FALSE the code belongs to
  another agency (`DE00` on Corps of Engineers - Civil Works), and `0000` ("Non - Reporting") is no code at all.
* Every other subtier is a component, key `subtier:7061`.
* Subtiers of one agency with one name (Forest Service 1226 and 12C2) are one organization with several codes, under
  the key of the first. Equal names in *different* agencies stay apart (ten Offices of the Inspector General), except
  where a subtier has the name of a whole agency:
  - an agency without any reporting row of its own (Army, Navy, Air Force; FEMA, whose TOPTIER_FLAG was withdrawn) is
    the component of that name, and its code and subtiers move there;
  - else the subtier is an old place of that agency (Social Security below HHS until 1994, FFIEC below Treasury).
* 41 rows have no subtier: they are the agency, a FREC entity, or an Army/Navy/Air Force as above.
* TOPTIER_FLAG alone is no guide: 197 rows carry it for 190 agencies, and The Senate carries it for "U.S. Congress".

Names keep the file's spelling without stray spaces; FREC names that differ become aliases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.registry.importers.agency_tree import Line, OrganizationRow, paths, same
from shared.imports.files import csv_rows
from shared.kernel.errors import Invalid

__all__ = ["AgencyCodeRecord", "OrganizationRow", "read"]

REQUIRED = (
    "CGAC AGENCY CODE",
    "AGENCY NAME",
    "AGENCY ABBREVIATION",
    "FREC",
    "FREC Entity Description",
    "FREC ABBREVIATION",
    "SUBTIER CODE",
    "SUBTIER NAME",
    "SUBTIER ABBREVIATION",
    "TOPTIER_FLAG",
    "FREC CGAC ASSOCIATION",
)
# The tree needs the whole file in memory; the real one has 1,531 rows.
ROWS_MAX = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyCodeRecord:
    """One CSV row: the organizations it implies, outermost first (the last is its own), or why it is refused."""

    number: int
    organizations: tuple[OrganizationRow, ...] = ()
    refusal: str | None = None
    comment: str | None = None


def read(path: Path) -> Iterator[AgencyCodeRecord]:
    """One record per CSV row, in order. Raises Invalid for a file that is not this CSV or is cut off."""
    lines, refused = _lines(path)
    organizations = paths(list(lines.values()))
    for number in sorted(lines.keys() | refused.keys()):
        if number in refused:
            yield AgencyCodeRecord(number=number, refusal=refused[number])
        else:
            comment = lines[number].comment or None
            yield AgencyCodeRecord(number=number, organizations=organizations[number], comment=comment)


def _lines(path: Path) -> tuple[dict[int, Line], dict[int, str]]:
    lines: dict[int, Line] = {}
    refused: dict[int, str] = {}
    codes: dict[str, Line] = {}
    for number, cells in csv_rows(path, required=REQUIRED):
        if number > ROWS_MAX:
            raise Invalid(f"The file has more than {ROWS_MAX:,} rows; the agency codes have about 1,500.")
        line = _line(number, {name: " ".join(value.split()) for name, value in cells.items()})
        if refusal := _refusal(line, codes):
            refused[number] = refusal
        else:
            lines[number] = line
            codes.setdefault(line.subtier, line)
    return lines, refused


def _line(number: int, cells: Mapping[str, str]) -> Line:
    return Line(
        number=number,
        cgac=cells["CGAC AGENCY CODE"],
        agency=cells["AGENCY NAME"],
        agency_abbreviation=cells["AGENCY ABBREVIATION"],
        frec=cells["FREC"],
        frec_name=cells["FREC Entity Description"],
        frec_abbreviation=cells["FREC ABBREVIATION"],
        subtier=cells["SUBTIER CODE"],
        subtier_name=cells["SUBTIER NAME"],
        subtier_abbreviation=cells["SUBTIER ABBREVIATION"],
        is_toptier=cells["TOPTIER_FLAG"].upper() == "TRUE",
        owns_frec=cells["FREC CGAC ASSOCIATION"].upper() == "TRUE",
        comment=cells.get("COMMENT", ""),
    )


def _refusal(line: Line, codes: Mapping[str, Line]) -> str | None:
    if not line.cgac or not line.agency:
        return "The row has no CGAC agency code or no agency name."
    if bool(line.subtier) != bool(line.subtier_name):
        return f"The subtier has {'no name' if line.subtier else 'no code'} ({line.subtier or line.subtier_name})."
    first = codes.get(line.subtier) if line.subtier else None
    if first and not (same(first.subtier_name, line.subtier_name) and first.cgac == line.cgac):
        return f"The subtier code {line.subtier} is that of {first.subtier_name} in {first.agency} (row {first.number})."
    return None
