"""A table that a page shows, as a file, and as a list on a narrow screen."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from fastapi import Response
from markupsafe import Markup

from services.gateway.dashboard.render import labelled, spoken
from services.gateway.dashboard.taken import taken
from shared.kernel.errors import NotFound

PAGE = """<h1>Systems</h1><table id="t-others"><tr><td>not this</td></tr></table>
<table id="t-systems"><caption>Systems</caption>
<thead><tr><th scope="col">Name</th><th scope="col">A year</th><th scope="col">Ends</th><th scope="col"></th></tr></thead>
<tbody><tr><th scope="row"><a href="/x">Ledger &amp; more</a><br>of <b>Finance</b></th>
<td><data value="450000.00">$450,000.00</data></td><td><time datetime="2027-01-31">31 January 2027</time></td>
<td><a href="/y">Retire<span class="usa-sr-only"> Ledger</span></a></td></tr>
<tr><th scope="row">=cmd()<span class="usa-sr-only"> hidden</span></th><td>-0.05</td><td></td><td></td></tr></tbody></table>"""


def rows(answer: Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(bytes(answer.body).decode())))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_table_is_taken_as_it_is_shown_with_amounts_and_days_for_machines(compressed: bool) -> None:
    body = PAGE.encode()
    page = Response(gzip.compress(body), headers={"Content-Encoding": "gzip"}) if compressed else Response(body)

    answer = taken(page, "systems.csv")

    assert rows(answer) == [
        ["Name", "A year", "Ends"],
        ["Ledger & more; of Finance", "450000.00", "2027-01-31"],
        ["'=cmd()", "-0.05", ""],
    ]
    assert answer.headers["content-disposition"] == 'attachment; filename="systems.csv"'


@pytest.mark.parametrize("name", ["systems", "systems.svg", "elsewhere.csv", "../systems.csv"])
def test_what_the_page_does_not_show_is_not_there(name: str) -> None:
    with pytest.raises(NotFound):
        taken(Response(PAGE), name)


def test_cells_know_their_column_and_nothing_else_of_them_changes() -> None:
    first, second = '<tr><th scope="row">A</th><td class="n">1</td><td>x</td></tr>', "<tr><th>B</th><td>2</td></tr>"

    found = labelled(Markup(first + second), ['Who & "what"', "#Number", ""])

    who = 'data-label="Who &amp; &#34;what&#34;"'
    assert found == (
        f'<tr><th {who} scope="row">A</th><td data-label="Number" class="n">1</td><td>x</td></tr>'
        f'<tr><th {who}>B</th><td data-label="Number">2</td></tr>'
    )


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("exit criterion assessment-scope: the scope is named", "exit criterion: the scope is named"),
        ("state on_hold (it is active)", "it has to be on hold, and is active"),
        ("phase operations (it is pre_designated)", "it has to be in operations, and is in pre-designated"),
        ("a live agreement for this adoption", "a live agreement for this adoption"),
    ],
)
def test_what_is_missing_is_said_without_the_names_of_programs(missing: str, said: str) -> None:
    assert spoken(missing) == said
