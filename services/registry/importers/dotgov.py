"""Reads the .gov registry: which organization is behind a federal domain, or which bureaus an agency has.

Two files of one publisher with different headers. `current-federal….csv` (1,373 rows of December 2024): a row per
domain with `Agency` and `Organization name`; 126 rows say "(blank)" for the latter, many repeat the agency (spelt
differently in dozens: "U.S. Department of Agriculture" for itself), and one agency holds a narrow no-break space
(U+202F). `agencies-and-subs.csv` (341 rows): `Agency`, `Bureau`, no domains, and an empty last line, which is no row.
Odd spaces become plain ones; the spelling is otherwise kept. Contact addresses are not read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.registry.domain.names import normalize
from shared.imports.files import csv_rows
from shared.kernel.errors import Invalid

AGENCY = "Agency"
# The column that holds the part of the agency, by file; the first one that is in the header counts.
BUREAU_COLUMNS = ("Organization name", "Bureau")
DOMAIN = "Domain name"
_NO_BUREAU = frozenset({"", "(blank)", "blank", "n/a", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DotgovRow:
    """`bureau` is None where the agency itself is meant; `domain` is None in the file without domains."""

    number: int
    agency: str
    bureau: str | None
    domain: str | None
    refusal: str | None = None


def read(path: Path) -> Iterator[DotgovRow]:
    """Rows in file order, numbered from 1. Raises Invalid for a file that is neither of the two or is cut off."""
    for number, cells in csv_rows(path, required=(AGENCY,)):
        column = next((name for name in BUREAU_COLUMNS if name in cells), None)
        if column is None:
            names = " or ".join(map(repr, BUREAU_COLUMNS))
            raise Invalid(f"The CSV header lacks {names}; it has {', '.join(map(repr, cells))}.")
        agency = _plain(cells[AGENCY])
        yield DotgovRow(
            number=number,
            agency=agency,
            bureau=_bureau(_plain(cells[column]), agency),
            domain=_plain(cells.get(DOMAIN, "")).casefold() or None,
            refusal=None if agency else "The row names no agency.",
        )


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _bureau(bureau: str, agency: str) -> str | None:
    return None if bureau.casefold() in _NO_BUREAU or normalize(bureau) == normalize(agency) else bureau
