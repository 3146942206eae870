"""A table that a page shows, as a file: the rows that were rendered, with amounts and days as machines write them."""

from __future__ import annotations

import gzip
from html.parser import HTMLParser

from fastapi import Response

from services.gateway.dashboard.tabular import file
from shared.kernel.errors import NotFound
from shared.web.sheets import CSV, csv_of

_CELLS = frozenset({"th", "td"})
# `<data value>` and `<time datetime>` hold what their text says to people.
_EXACT = {"data": "value", "time": "datetime"}
_PARTING = frozenset({"div", "li", "br", "dt", "dd"})
_ASIDE = "usa-sr-only"


def taken(page: Response, name: str) -> Response:
    """Raises NotFound."""
    id_ = name.removesuffix(".csv")
    reader = _Reader(id_)
    body = bytes(page.body)
    reader.feed((gzip.decompress(body) if page.headers.get("content-encoding") == "gzip" else body).decode())
    if not reader.rows or name == id_:
        raise NotFound(f"This page has no {name} to download.")
    kept = [at for at, column in enumerate(reader.rows[0]) if column]
    rows = [[row[at] if at < len(row) else "" for at in kept] for row in reader.rows]
    return file(name, csv_of(rows), media_type=CSV)


class _Reader(HTMLParser):
    """Columns without a name hold what can be done; they are left out by whoever reads `rows`."""

    def __init__(self, id_: str) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self._id = f"t-{id_}"
        self._inside = self._in_cell = False
        # The element whose text is passed over, or said otherwise, until it ends.
        self._skipped = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            self._inside = given.get("id") == self._id
        if not self._inside or self._skipped:
            return
        if tag == "tr":
            self.rows.append([])
        elif tag in _CELLS:
            self.rows[-1].append("")
            self._in_cell = True
        elif self._in_cell:
            self._within(tag, given)

    def _within(self, tag: str, given: dict[str, str | None]) -> None:
        exact = given.get(_EXACT.get(tag, ""))
        if exact is not None or given.get("class") == _ASIDE:
            self.rows[-1][-1] += exact or ""
            self._skipped = tag
        elif tag in _PARTING and self.rows[-1][-1].strip():
            self.rows[-1][-1] += "; "

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            self._skipped = "" if tag == self._skipped else self._skipped
        elif tag in _CELLS and self._in_cell:
            self._in_cell = False
            self.rows[-1][-1] = " ".join(self.rows[-1][-1].split()).replace(" ;", ";").removesuffix(";")
        elif tag == "table":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._in_cell and not self._skipped:
            self.rows[-1][-1] += data
