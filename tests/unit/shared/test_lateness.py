from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.inbox.lateness import Lateness

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE, OTHER = ("qsmo.registry", 0), ("qsmo.registry", 1)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(lateness: Lateness, place: tuple[str, int], seconds: float) -> None:
    lateness.read(place, at(seconds).isoformat())


def test_a_partition_that_is_behind_is_not_hidden_by_one_that_is_not() -> None:
    lateness = Lateness()
    told(lateness, ONE, -300)
    told(lateness, OTHER, 0)

    assert lateness.seconds({ONE: 7, OTHER: 1}, now=at(1)) == 301
    assert lateness.seconds({ONE: 0, OTHER: 1}, now=at(2)) == 2
    assert lateness.seconds({ONE: 0, OTHER: 0}, now=at(3)) == 0


def test_a_fact_that_comes_after_a_long_silence_has_not_waited_for_it() -> None:
    lateness = Lateness()
    told(lateness, ONE, -3_600)
    lateness.seconds({ONE: 0}, now=at(0))

    assert lateness.seconds({ONE: 1}, now=at(1)) == 1


def test_what_a_member_finds_when_it_begins_is_as_old_as_it_is() -> None:
    lateness = Lateness()
    assert lateness.seconds({ONE: 9}, now=at(0)) == 0
    assert lateness.seconds({ONE: 9}, now=at(5)) == 5
    told(lateness, ONE, -7_200)

    assert lateness.seconds({ONE: 8}, now=at(6)) == 7_206


def test_what_it_knew_of_a_partition_that_was_anothers_meanwhile_is_forgotten() -> None:
    lateness = Lateness()
    told(lateness, ONE, 0)
    lateness.seconds({ONE: 0}, now=at(1))
    lateness.seconds({OTHER: 0}, now=at(2))

    assert lateness.seconds({ONE: 3, OTHER: 0}, now=at(900)) == 0
