"""Figures of pages: keys told apart and laid out as tables."""

from __future__ import annotations

from services.adoption.domain.figures import Figure
from services.gateway.dashboard import figures


def test_ratings_are_a_row_a_dimension_with_their_mean() -> None:
    table = figures.ratings({"ease_of_use:5": 1, "ease_of_use:4": 3, "value:1": 2})

    assert list(table.rows) == [("ease of use", 0, 0, 0, 3, 1, "4.2"), ("value", 2, 0, 0, 0, 0, "1.0")]
    assert not figures.ratings({}).rows


def test_every_figure_says_which_facts_it_comes_from() -> None:
    assert figures.ORIGINS.keys() == {figure.value for figure in Figure}
