"""Plans → representations, with what this caller may do next and what is missing for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from services.registry import schemas
from services.registry.api.members import members
from services.registry.domain import plan_criteria as criteria
from services.registry.domain.designation import Designation, Status
from services.registry.domain.focus_area import FocusArea
from services.registry.domain.plan import Plan, Surroundings, missing_for
from services.registry.domain.plan_criteria import BY_ID, Criterion
from services.registry.domain.plan_progress import Milestone, MilestoneStatus, Obligation, ObligationKind, ObligationStatus
from services.registry.domain.plan_states import MACHINE
from services.registry.policy import may_in_area
from shared.auth import Principal
from shared.kernel.machine import Transition
from shared.web.wire import Action, MoneyShown


def plan(found: Plan, *, around: Surroundings | None, today: date, by: Principal) -> schemas.PlanShown:
    """As it was, without `around`: then nothing can be done with it."""
    return schemas.PlanShown(
        id=found.id,
        version=found.version,
        focus_area=found.focus_area,
        host_organization_id=found.host_organization_id,
        number=found.number,
        state=found.state,
        horizon=list(found.horizon),
        lead_office_id=found.lead_office_id,
        services=list(found.services),
        sections=members(found.sections),
        years=[_year(members(year)) for year in found.years],
        criteria=criteria_of(found).items,
        milestones=milestones_of(found, today=today).items,
        corrective_actions=obligations_of(found).items,
        questions=[schemas.QuestionShown(**members(question)) for question in found.questions],
        check=schemas.CheckShown(**members(found.check)) if found.check else None,
        votes=[schemas.VoteShown(**members(vote)) for vote in found.votes],
        recommendation=schemas.RecommendationShown(**members(found.recommendation)) if found.recommendation else None,
        history=[schemas.TurnShown(**members(turn)) for turn in found.turns],
        actions=_actions(found, around=around, by=by) if around else [],
    )


def listed(found: Plan, *, around: Surroundings | None, by: Principal) -> schemas.PlanListed:
    """As it was, without `around`: then nothing can be done with it."""
    return schemas.PlanListed(
        id=found.id,
        version=found.version,
        focus_area=found.focus_area,
        host_organization_id=found.host_organization_id,
        number=found.number,
        state=found.state,
        since=found.last.on,
        horizon=list(found.horizon),
        lead_office_id=found.lead_office_id,
        services=list(found.services),
        criteria=_settled(criterion.is_settled for criterion in found.criteria),
        milestones=_settled(milestone.status is not MilestoneStatus.SCHEDULED for milestone in found.milestones),
        corrective_actions=_settled(obligation.is_closed for obligation in found.obligations),
        actions=_actions(found, around=around, by=by) if around else [],
    )


def _settled(each: Iterable[bool]) -> schemas.SettledOf:
    known = tuple(each)
    return schemas.SettledOf(settled=sum(known), total=len(known))


def _year(year: dict[str, Any]) -> schemas.PlanYearShown:
    funds = year.pop("funds")
    return schemas.PlanYearShown(**year, funds=None if funds is None else MoneyShown(amount=funds))


def criteria_of(found: Plan) -> schemas.CriterionList:
    return schemas.CriterionList(items=[_criterion(criterion) for criterion in found.criteria])


def _criterion(found: Criterion) -> schemas.CriterionShown:
    element = BY_ID[found.element]
    return schemas.CriterionShown(**members(found), group=element.group, title=element.title, tests=list(element.tests))


def milestones_of(found: Plan, *, today: date) -> schemas.MilestoneList:
    return schemas.MilestoneList(items=[_milestone(milestone, today=today) for milestone in found.milestones])


def _milestone(found: Milestone, *, today: date) -> schemas.MilestoneShown:
    given = members(found)
    del given["warned"]
    return schemas.MilestoneShown(**given, slip_days=found.slip_days(today), at_risk=found.at_risk(today))


def obligations_of(found: Plan) -> schemas.ObligationList:
    return schemas.ObligationList(items=[schemas.ObligationShown(**members(o)) for o in found.obligations])


def _actions(found: Plan, *, around: Surroundings, by: Principal) -> list[Action]:
    """What the caller's roles allow: possible now, or everything that stands in the way."""
    shown = []
    for transition in _allowed(by, found.focus_area):
        if found.state in transition.sources:
            missing = [*_unsigned(transition.action, around), *missing_for(found, transition.action, around)]
        else:
            missing = [f"state {' or '.join(map(str, transition.sources))} (it is {found.state})"]
        href = f"/v1/plans/{found.id}/{transition.action}"
        shown.append(Action(action=transition.action, href=href, possible=not missing, missing=missing))
    return shown


@lru_cache(maxsize=256)
def _allowed(by: Principal, area: str) -> tuple[Transition, ...]:
    """Kept, since a page of plans asks it for each."""
    return tuple(t for t in MACHINE.transitions if t.sources != (None,) and may_in_area(by, *t.roles, area=area))


def _unsigned(action: str, around: Surroundings) -> tuple[str, ...]:
    """What a caller lacks who is not the one to sign; a vacancy is told by the plan's own rules."""
    director = around.director
    if action != "submit" or director is None or director.may or director.vacancy:
        return ()
    return (f"to hold the post {director.post}, or a delegation of it",)


def area_score(
    area: FocusArea, designations: Sequence[Designation], plans: Sequence[Plan], *, today: date
) -> schemas.AreaScore:
    latest = {d.service: d for d in sorted(designations, key=lambda d: (d.status is not Status.ENDED, d.last.effective_on))}
    return schemas.AreaScore(
        focus_area=area.id,
        title=area.title,
        services=[_service(service.slug, latest.get(service.slug), today=today) for service in area.services],
        plans=[_progress(found, today=today) for found in sorted(plans, key=lambda p: (p.host_organization_id, p.number))],
    )


def _service(slug: str, found: Designation | None, *, today: date) -> schemas.ServiceState:
    return schemas.ServiceState(
        service=slug,
        status=found.status.value if found else None,
        organization_id=found.organization_id if found else None,
        days_in_state=(today - found.last.effective_on).days if found else None,
    )


def _progress(found: Plan, *, today: date) -> schemas.PlanProgress:
    return schemas.PlanProgress(
        plan_id=found.id,
        number=found.number,
        host_organization_id=found.host_organization_id,
        state=found.state,
        days_in_state=(today - found.last.on).days,
        criteria={
            group: schemas.Progress(met=met, total=total) for group, (met, total) in criteria.progress(found.criteria).items()
        },
        milestones_met=sum(m.status is MilestoneStatus.MET for m in found.milestones),
        milestones_due=sum(m.due_on <= today for m in found.milestones),
        milestones_at_risk=sum(m.at_risk(today) for m in found.milestones),
        open_conditions=_open(found.obligations, ObligationKind.CONDITION),
        open_corrective_actions=_open(found.obligations, ObligationKind.CORRECTIVE_ACTION),
        overdue=sum(o.status is ObligationStatus.OVERDUE or o.is_due_unfulfilled(today) for o in found.obligations),
    )


def _open(obligations: Sequence[Obligation], kind: ObligationKind) -> int:
    return sum(o.kind is kind and not o.is_closed for o in obligations)
