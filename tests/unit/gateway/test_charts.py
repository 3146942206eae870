"""Charts and tables of pages."""

from __future__ import annotations

import csv
import io
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from services.gateway.dashboard import figures
from services.gateway.dashboard.charts import Bar, Entry, Span, grouped, heat, spans, stacked, timeline
from services.gateway.dashboard.tabular import Link, Money, Row, State, Table, download
from shared.kernel.errors import NotFound

SVG = "{http://www.w3.org/2000/svg}"


def widths(svg: str) -> dict[str, float]:
    """What each bar says of itself → how wide it is."""
    boxes = ET.fromstring(svg).iter(f"{SVG}rect")
    return {title.text or "": float(box.get("width", 0)) for box in boxes if (title := box.find(f"{SVG}title")) is not None}


def test_bars_are_as_long_as_their_numbers() -> None:
    chart = stacked("x", "X", series=("a", "b"), bars=[Bar("one", (10, 30)), Bar("two", (20, 0))])

    drawn = widths(chart.file)
    assert drawn["one, b: 30"] == pytest.approx(3 * drawn["one, a: 10"], rel=0.01)
    assert drawn["two, a: 20"] == pytest.approx(2 * drawn["one, a: 10"], rel=0.01)
    assert "two, b: 0" not in drawn


def test_what_must_not_be_added_is_drawn_side_by_side_to_one_scale() -> None:
    chart = grouped("x", "X", series=("a", "b"), bars=[Bar("one", (100, -5)), Bar("two", (50, 0))])

    drawn = widths(chart.file)
    assert drawn["one, a: 100"] == pytest.approx(2 * drawn["two, a: 50"], rel=0.01)
    assert "one, b: -5" not in drawn
    assert ">-5<" in chart.svg


def test_the_hotter_the_darker() -> None:
    chart = heat("x", "X", columns=("a", "b"), rows=[Bar("one", (1, 4))])

    shades = [float(box.get("fill-opacity", 0)) for box in ET.fromstring(chart.file).iter(f"{SVG}rect")]
    assert shades[1] > shades[0]


@pytest.mark.parametrize("chart", [stacked("x", "X", series=(), bars=[]), grouped("x", "X", series=(), bars=[])])
def test_a_chart_of_nothing_is_drawn_all_the_same(chart: object) -> None:
    assert ET.fromstring(chart.file).tag == f"{SVG}svg"  # type: ignore[attr-defined]  # both are charts


def test_what_people_wrote_cannot_become_markup() -> None:
    chart = stacked('"><script>', '"><script>', series=("<b>",), bars=[Bar("</text><script>", (1,))])

    assert "<script>" not in chart.svg
    assert "<b>" not in chart.svg


def test_a_service_stands_so_until_the_next_decision() -> None:
    told = [
        Entry("dns", date(2019, 4, 26), "pre_designated"),
        Entry("dns", date(2020, 4, 27), "designated"),
        Entry("dns", date(2022, 1, 1), "ended"),
        Entry("soc", date(2022, 1, 1), "pre_designated"),
        Entry("soc", date(2022, 1, 1), "ended"),
    ]

    found = spans(told, today=date(2022, 6, 1))

    assert found["dns"] == [
        Span("pre_designated", date(2019, 4, 26), date(2020, 4, 27)),
        Span("designated", date(2020, 4, 27), date(2022, 1, 1)),
    ]
    assert [span.status for span in found["soc"]] == ["pre_designated"]


def test_a_timeline_is_drawn_to_scale() -> None:
    year = Span("designated", date(2020, 1, 1), date(2021, 1, 1))
    rows = [("DNS", [year, Span("suspended", date(2021, 1, 1), date(2021, 7, 2))])]

    chart = timeline("x", "X", rows=rows, first=date(2020, 1, 1), last=date(2022, 1, 1), marked=date(2021, 1, 1))

    first, second = widths(chart.file).values()
    assert first == pytest.approx(2 * second, rel=0.01)


def a_table() -> Table:
    rows: list[Row] = [
        ("=HYPERLINK(1)", Link("Labor", "/x"), State("on_hold"), Money(123456), 7, date(2026, 1, 2), None),
        ("plain", "-1+1", State("active"), Money(-5), -7, None, None),
    ]
    return Table(id="t", caption="T", columns=("a", "b", "c", "d", "e", "f", "g"), rows=rows, empty="-")


def test_a_table_is_downloaded_as_it_is_shown_and_without_formulas() -> None:
    rows = list(csv.reader(io.StringIO(a_table().as_csv())))

    assert rows[1] == ["'=HYPERLINK(1)", "Labor", "on_hold", "1234.56", "7", "2026-01-02", ""]
    assert rows[2] == ["plain", "'-1+1", "active", "-0.05", "-7", "", ""]


def test_only_what_a_page_has_is_downloaded() -> None:
    chart = stacked("t", "T", series=(), bars=[])

    assert download("t.csv", [chart, a_table()]).media_type == "text/csv; charset=utf-8"
    assert download("t.svg", [a_table(), chart]).media_type == "image/svg+xml"
    with pytest.raises(NotFound):
        download("other.csv", [a_table()])


def test_cents_and_short_sums_of_money() -> None:
    assert figures.cents({"amount": "-12.5"}) == -1250
    assert figures.cents({"amount": "1200"}) == 120_000
    assert [figures.short_money(cents) for cents in (0, 99_900, -150_000, 120_000_000, 3 * 10**11)] == [
        "$0",
        "$999",
        "-$1.5K",
        "$1.2M",
        "$3.0B",
    ]


def test_an_area_without_adoptions_is_not_on_the_heat_map() -> None:
    _, table = figures.heat_map({"a": {"migration:active": 2, "migration:withdrawn": 9}, "b": {}}, {"a": "A", "b": "B"})

    assert [row[1:] for row in table.rows] == [(0, 0, 0, 0, 2, 0)]
