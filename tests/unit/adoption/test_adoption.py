from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.adoption.domain import adoption as domain
from services.adoption.domain.adoption import MACHINE, Adoption, Status, Surroundings
from services.adoption.domain.gate import Assessment, Gates, GoLive, Outcome, Result, Side, Signature
from services.adoption.domain.letter import Letter, LetterKind
from services.adoption.domain.m3 import TOLLGATES, Phase, criteria_of
from shared.kernel.errors import RuleViolation
from tests.unit.adoption.builders import rated

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = date(2026, 3, 1)


def an_adoption(*actions: str) -> Adoption:
    found = domain.start(id="a-1", organization_id="cisa", offering_id="dns", offering_revision=2, on=DAY, at=AT, by="tester")
    for action in actions:
        found = moved(ready(found) if action == "advance" else found, action)
    return found


def ready(adoption: Adoption) -> Adoption:
    """With the gate of its phase passed."""
    phase = adoption.phase
    results = [Assessment(criterion=c.id, result=Result.MET, grounds="seen", on=DAY, by="sapoc") for c in criteria_of(phase)]
    sides = [Signature(phase=phase, side=side, on=DAY, by=side) for side in Side]
    signed = tuple(sides) if phase in TOLLGATES else ()
    gates = Gates(
        assessments=tuple(results), signatures=signed, risks=(rated(phase),), go_live=GO if phase is Phase.MIGRATION else None
    )
    return replace(adoption, gates=gates)


def moved(adoption: Adoption, action: str, *, on: date = DAY, reason: str | None = "because") -> Adoption:
    return domain.move(adoption, action, around=AGREED, on=on, at=AT, by="tester", reason=reason)


def a_letter(ato_on: str = "2021-03-01", **changes: object) -> Letter:
    return Letter(kind=LetterKind.REUSE, ato_on=date.fromisoformat(ato_on), **changes)  # type: ignore[arg-type]


def recorded(*letters: Letter) -> Adoption:
    return domain.record(
        letters, id="a-2", organization_id="cisa", offering_id="dns", offering_revision=1, at=AT, by="importer"
    )


GO = GoLive(outcome=Outcome.GO, go_live_on=DAY + timedelta(45), on=DAY, by="head")
AGREED = Surroundings(agreed=True)
TO_OPERATIONS = ("advance",) * 5
STATES = {
    "active": an_adoption(),
    "in operations": an_adoption(*TO_OPERATIONS),
    "on hold": an_adoption("advance", "hold"),
    "withdrawn": an_adoption("withdraw"),
    "completed": an_adoption(*TO_OPERATIONS, "complete"),
}
ALLOWED = {
    "active": {"advance", "hold", "withdraw"},
    "in operations": {"hold", "withdraw", "complete"},
    "on hold": {"resume", "withdraw"},
    "withdrawn": set(),
    "completed": set(),
}
ACTIONS = ("advance", "hold", "resume", "withdraw", "complete")


def test_an_adoption_starts_in_assessment_and_advances_phase_by_phase_to_operations() -> None:
    phases = [an_adoption(*TO_OPERATIONS[:n]).phase for n in range(6)]

    assert phases == list(Phase)


@pytest.mark.parametrize("state", STATES, ids=str)
@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_each_action_is_taken_where_the_table_allows_it_and_refused_elsewhere(state: str, action: str) -> None:
    before = STATES[state]
    if before.status is Status.ACTIVE:
        before = ready(before)

    if action in ALLOWED[state]:
        assert moved(before, action).last.action == action
        assert domain.missing_for(before, action, AGREED) == ()
    else:
        with pytest.raises(RuleViolation) as refused:
            moved(before, action)
        assert refused.value.missing or refused.value.allowed_actions or before.status in {"withdrawn", "completed"}
        assert domain.missing_for(before, action, AGREED)


def test_a_hold_keeps_the_phase_and_resume_returns_to_it() -> None:
    held = an_adoption("advance", "advance", "hold")

    assert (held.status, held.phase) == (Status.ON_HOLD, Phase.SELECTION)
    assert (moved(held, "resume").status, moved(held, "resume").phase) == (Status.ACTIVE, Phase.SELECTION)


def test_withdrawing_needs_a_reason() -> None:
    with pytest.raises(RuleViolation) as refused:
        moved(an_adoption(), "withdraw", reason=None)

    assert refused.value.missing == ("reason",)


def test_completing_before_operations_says_which_phase_is_missing() -> None:
    with pytest.raises(RuleViolation) as refused:
        moved(an_adoption("advance"), "complete")

    assert refused.value.missing == ("phase operations (it is readiness)",)


def test_nothing_takes_effect_before_the_step_that_is_in_effect() -> None:
    with pytest.raises(RuleViolation) as refused:
        moved(ready(an_adoption()), "advance", on=date(2026, 2, 28))

    assert refused.value.code == "effective-date-order"


def test_every_step_keeps_when_it_took_effect_when_it_was_recorded_who_and_why() -> None:
    step = moved(an_adoption(), "hold", on=date(2026, 4, 1), reason="funds").last

    assert (step.effective_on, step.recorded_at, step.by, step.reason) == (date(2026, 4, 1), AT, "tester", "funds")


def test_it_is_live_since_it_reached_operations() -> None:
    adoption = an_adoption("advance", "advance", "advance", "advance")

    assert adoption.live_on is None
    assert moved(ready(adoption), "advance", on=date(2026, 5, 5)).live_on == date(2026, 5, 5)


def test_letters_of_a_register_tell_of_operations_since_the_earliest() -> None:
    found = recorded(a_letter("2021-03-01"), a_letter("2019-06-01", expires_on=date(2022, 6, 1)))

    assert (found.status, found.phase, found.source) == (Status.ACTIVE, Phase.OPERATIONS, "fedramp")
    assert (found.started_on, found.live_on) == (date(2019, 6, 1), date(2019, 6, 1))


def test_an_earlier_letter_puts_the_beginning_earlier_and_keeps_what_was_known() -> None:
    found = recorded(a_letter("2021-03-01"))

    learned = domain.learn(found, [a_letter("2018-01-01")], at=AT, by="importer")

    assert learned.live_on == date(2018, 1, 1)
    assert [step.effective_on for step in learned.steps] == [date(2018, 1, 1), date(2021, 3, 1)]


def test_letters_that_are_known_change_nothing() -> None:
    found = recorded(a_letter(), a_letter("2022-01-01"))

    assert domain.learn(found, [a_letter("2022-01-01"), a_letter()], at=AT, by="importer") is found


def test_an_agencys_own_adoption_learns_letters_and_keeps_its_dates_and_phase() -> None:
    own = an_adoption("advance")

    learned = domain.learn(own, [a_letter("2015-01-01")], at=AT, by="importer")

    assert (learned.phase, learned.started_on, learned.source, len(learned.letters)) == (Phase.READINESS, DAY, None, 1)


def test_an_assessment_learned_later_completes_the_letter_and_its_absence_takes_nothing_away() -> None:
    bare, full = a_letter(), a_letter(assessment="02/24")
    found = recorded(bare)

    learned = domain.learn(found, [full], at=AT, by="importer")

    assert learned.letters == (full,)
    assert domain.learn(learned, [bare], at=AT, by="importer") is learned
    assert domain.learn(learned, [a_letter(assessment="09/30")], at=AT, by="importer").letters[1].assessment == "09/30"


def test_the_newest_letter_says_until_when_it_is_authorized() -> None:
    older = a_letter("2020-01-01", expires_on=date(2030, 1, 1))
    newer = a_letter("2023-01-01", expires_on=date(2026, 1, 1))

    assert recorded(older, newer).authorized_until == date(2026, 1, 1)
    assert recorded(older, a_letter("2024-01-01")).authorized_until is None


def test_only_agencies_move_an_adoption() -> None:
    assert {role for action in ACTIONS for role in MACHINE.roles_for(action)} == {"agency"}
