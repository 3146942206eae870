from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adoption.domain import adoption as domain
from services.adoption.domain import gate
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.gate import NO_GATES, Assessment, Gates, GoLive, Outcome, Result, Side, Signature
from services.adoption.domain.m3 import CRITERIA, TOLLGATES, Phase, criteria_of
from services.adoption.domain.risk import Category, RiskAssessment, lacking
from shared.kernel.errors import NotFound, QsmoError, RuleViolation
from tests.unit.adoption.builders import rated

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = date(2026, 3, 1)


def an_assessment(criterion: str, *, result: Result = Result.MET, by: str = "sapoc") -> Assessment:
    return Assessment(criterion=criterion, result=result, grounds="seen", on=DAY, by=by)


def a_signature(side: Side, *, phase: Phase = Phase.READINESS, by: str | None = None) -> Signature:
    return Signature(phase=phase, side=side, on=DAY, by=by or f"{side} signer")


def all_met(phase: Phase) -> Gates:
    """Also every risk rated."""
    return Gates(assessments=tuple(an_assessment(criterion.id) for criterion in criteria_of(phase)), risks=(rated(phase),))


def test_there_are_as_many_exit_criteria_as_in_the_playbook() -> None:
    assert [len(criteria_of(phase)) for phase in Phase] == [3, 15, 8, 6, 1, 0]


def test_what_is_outstanding_names_each_unmet_criterion_and_each_missing_signature() -> None:
    gates = gate.assess(NO_GATES, an_assessment("migration-go-no-go", result=Result.WAIVED), phase=Phase.MIGRATION)

    assert gate.outstanding(gates, Phase.MIGRATION) == (
        "risk assessment of migration: none of the 12 categories is rated in this phase",
        "tollgate of migration signed by the agency",
        "tollgate of migration signed by the qsmo",
    )
    assert gate.outstanding(NO_GATES, Phase.ASSESSMENT)[0].startswith("exit criterion assessment-scope: ")
    assert gate.outstanding(NO_GATES, Phase.OPERATIONS) == ()


def test_a_tollgate_is_not_signed_while_criteria_are_open() -> None:
    some = replace(all_met(Phase.READINESS), assessments=all_met(Phase.READINESS).assessments[1:])

    with pytest.raises(RuleViolation) as refused:
        gate.sign(some, a_signature(Side.AGENCY))

    assert refused.value.missing == ("exit criterion readiness-acquisition-strategy: there is an acquisition strategy",)


@pytest.mark.parametrize("risks", [(), (rated(Phase.SELECTION),), (rated(Phase.READINESS, leave_out=Category.CYBER),)])
def test_a_tollgate_is_not_signed_while_a_risk_is_not_rated_in_its_phase(risks: tuple[RiskAssessment, ...]) -> None:
    with pytest.raises(RuleViolation) as refused:
        gate.sign(replace(all_met(Phase.READINESS), risks=risks), a_signature(Side.AGENCY))

    (missing,) = refused.value.missing
    assert missing.startswith("risk assessment of readiness: ")
    assert missing.endswith(("rated in this phase", "not rated: cyber"))


def test_one_person_does_not_sign_for_both_sides() -> None:
    signed = gate.sign(all_met(Phase.READINESS), a_signature(Side.AGENCY, by="one"))

    with pytest.raises(RuleViolation, match="same person"):
        gate.sign(signed, a_signature(Side.QSMO, by="one"))


def test_a_side_signs_once_and_only_where_there_is_a_tollgate() -> None:
    signed = gate.sign(all_met(Phase.READINESS), a_signature(Side.AGENCY))

    with pytest.raises(RuleViolation, match="already"):
        gate.sign(signed, a_signature(Side.AGENCY, by="another"))
    with pytest.raises(RuleViolation, match="without a tollgate"):
        gate.sign(all_met(Phase.SELECTION), a_signature(Side.AGENCY, phase=Phase.SELECTION))


def test_reopening_a_criterion_takes_the_signatures_of_its_phase_with_it() -> None:
    earlier = a_signature(Side.AGENCY, phase=Phase.READINESS)
    met = replace(all_met(Phase.ENGAGEMENT), signatures=(earlier,))
    signed = gate.sign(met, a_signature(Side.QSMO, phase=Phase.ENGAGEMENT))

    reopened = gate.reopen(signed, "engagement-fit-gap", phase=Phase.ENGAGEMENT)

    assert reopened.of("engagement-fit-gap") is None
    assert reopened.signatures == (earlier,)


@pytest.mark.parametrize(
    ("criterion", "error"),
    [("nothing", NotFound), ("migration-go-no-go", RuleViolation), ("assessment-scope", RuleViolation)],
)
def test_only_an_unmet_criterion_of_the_present_phase_is_assessed(criterion: str, error: type[QsmoError]) -> None:
    gates = Gates(assessments=(an_assessment("assessment-scope"),))

    with pytest.raises(error):
        gate.assess(gates, an_assessment(criterion), phase=Phase.ASSESSMENT)


STEPS = st.one_of(
    st.tuples(st.just("assess"), st.sampled_from(sorted(CRITERIA)), st.sampled_from(Result)),
    st.tuples(st.just("reopen"), st.sampled_from(sorted(CRITERIA))),
    st.tuples(st.just("sign"), st.sampled_from(Side), st.sampled_from(["a", "b"])),
    st.tuples(st.just("phase done")),
    st.tuples(st.just("rate"), st.sampled_from((None, Category.DATA))),
    st.tuples(st.just("decide"), st.sampled_from(Outcome), st.sampled_from(("29", "30", "60", "61"))),
    st.sampled_from([(action,) for action in ("advance", "hold", "resume")]),
)


@given(st.lists(STEPS, max_size=60), st.booleans(), st.sampled_from((None, 1, 2)))
def test_no_path_of_actions_leaves_a_phase_whose_gate_is_not_passed(
    steps: list[tuple[str, ...]], agreed: bool, newest: int | None
) -> None:
    around = domain.Surroundings(agreed=agreed, newest_revision=newest)
    found = domain.start(id="a", organization_id="o", offering_id="f", offering_revision=1, on=DAY, at=AT, by="sapoc")
    for step in steps:
        before = found
        try:
            found = _after(found, step, around)
        except QsmoError:
            continue
        if found.phase is not before.phase:
            assert all(before.gates.of(criterion.id) for criterion in criteria_of(before.phase))
            signers = {sign.by for sign in before.gates.signatures if sign.phase is before.phase}
            assert before.phase not in TOLLGATES or not lacking(before.gates.risks, before.phase)
            assert len(signers) == (2 if before.phase in TOLLGATES else 0)
            assert before.phase is not Phase.SELECTION or agreed
            assert before.phase not in {Phase.SELECTION, Phase.ENGAGEMENT, Phase.MIGRATION} or newest != 2
            assert before.phase is not Phase.MIGRATION or before.gates.may_go_live


def _after(found: Adoption, step: tuple[str, ...], around: domain.Surroundings) -> Adoption:
    match step:
        case ("assess" | "reopen" as action, criterion, *result):
            return domain.through(found, _criterion_after(found, action, criterion, *result))
        case ("sign", side, by):
            return domain.through(found, gate.sign(found.gates, a_signature(Side(side), phase=found.phase, by=by)))
        case ("phase done",):
            open_ones = [c.id for c in criteria_of(found.phase) if found.gates.of(c.id) is None]
            assessments = (*found.gates.assessments, *map(an_assessment, open_ones))
            return domain.through(found, replace(found.gates, assessments=assessments))
        case ("rate", leave_out):
            made = rated(found.phase, leave_out=Category(leave_out) if leave_out else None)
            return domain.through(found, replace(found.gates, risks=(*found.gates.risks, made)))
        case ("decide", outcome, days):
            planned = DAY + timedelta(int(days))
            return domain.decided(found, GoLive(outcome=Outcome(outcome), go_live_on=planned, on=DAY, by="head"))
        case (action,):
            return domain.move(found, action, around=around, on=DAY, at=AT, by="sapoc")
    raise AssertionError(step)


def _criterion_after(found: Adoption, action: str, criterion: str, *result: str) -> Gates:
    if action == "reopen":
        return gate.reopen(found.gates, criterion, phase=found.phase)
    return gate.assess(found.gates, an_assessment(criterion, result=Result(result[0])), phase=found.phase)
