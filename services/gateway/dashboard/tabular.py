"""Tables of pages: the same rows to read and to download."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from fastapi import Response

from services.gateway.dashboard.charts import Chart
from shared.kernel.errors import NotFound
from shared.web.sheets import CSV, csv_of


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads on."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class State:
    """A cell that says how something stands."""

    value: str


@dataclass(frozen=True, slots=True)
class Money:
    """Whole cents of US dollars."""

    cents: int


@dataclass(frozen=True, slots=True)
class Instant:
    """RFC 3339; said in words on the page."""

    at: str


Cell = str | int | date | Link | State | Money | Instant | None
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`id` names it in the page and in the file. The first column heads its row; `empty` is said in place of no rows."""

    id: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Row]
    empty: str

    @property
    def numeric(self) -> frozenset[int]:
        """Which columns hold numbers."""
        first = self.rows[0] if self.rows else ()
        return frozenset(at for at, cell in enumerate(first) if at and isinstance(cell, (int, Money)))

    def as_csv(self) -> str:
        return csv_of([self.columns, *([_plain(cell) for cell in row] for row in self.rows)])


def _plain(cell: Cell) -> str | int:
    match cell:
        case Link():
            return cell.text
        case State():
            return cell.value
        case Instant():
            return cell.at
        case Money():
            return str(Decimal(cell.cents).scaleb(-2))
        case str() | int():
            return cell
    return cell.isoformat() if cell else ""


def download(name: str, exhibits: Iterable[Table | Chart]) -> Response:
    """`funnel.csv` or `funnel.svg`, if the page has one. Raises NotFound."""
    for exhibit in exhibits:
        if isinstance(exhibit, Table) and name == f"{exhibit.id}.csv":
            return file(name, exhibit.as_csv(), media_type=CSV)
        if isinstance(exhibit, Chart) and name == f"{exhibit.id}.svg":
            return file(name, exhibit.file, media_type="image/svg+xml")
    raise NotFound(f"This page has no {name} to download.")


def file(name: str, content: str, *, media_type: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(content, headers=headers, media_type=media_type)
