"""What an agency should do next in a focus area, from its state alone."""

from __future__ import annotations

from dataclasses import dataclass

from services.adoption.domain.adoption import Adoption, Status, Surroundings
from services.adoption.domain.m3 import Phase
from services.adoption.domain.needs import Needs
from services.adoption.domain.readiness import Profile
from services.adoption.domain.shortlist import Outcome, Shortlist
from services.adoption.domain.stall import next_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Of one agency in one area: newest of each; `open_activities` of its standards are without an answer."""

    focus_area: str
    profile: Profile | None = None
    needs: Needs | None = None
    shortlist: Shortlist | None = None
    adoptions: tuple[tuple[Adoption, Surroundings], ...] = ()
    open_activities: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`href`: where it is done; `{agency}` stands for the agency's id."""

    state: str
    what: str
    whose: str
    href: str


def steps(situation: Situation) -> list[Step]:
    """At least one; adoptions under way first."""
    moving = [_of_adoption(adoption, around) for adoption, around in situation.adoptions if adoption.is_live]
    return moving or [_towards_choice(situation)]


def _of_adoption(adoption: Adoption, around: Surroundings) -> Step:
    href = f"/v1/adoptions/{adoption.id}"
    if adoption.status is Status.ON_HOLD:
        return Step(state="on hold", what="Resume the adoption, or withdraw from it.", whose="agency", href=f"{href}/resume")
    if adoption.phase is Phase.OPERATIONS:
        return Step(
            state="in operations",
            what="Retire the systems that it replaces, account for savings, then complete.",
            whose="agency",
            href=f"{href}/complete",
        )
    step = next_step(adoption, around)
    stalled = "stalled" if adoption.is_stalled else f"in {adoption.phase}"
    what, whose = (step.what, step.whose.value) if step else ("Advance to the next phase.", "agency")
    return Step(state=stalled, what=what, whose=whose, href=f"{href}/gates")


def _towards_choice(situation: Situation) -> Step:
    area, needs, shortlist = situation.focus_area, situation.needs, situation.shortlist
    if situation.profile is None or situation.profile.unassessed:
        left = len(situation.profile.unassessed) if situation.profile else 6
        what = f"Assess readiness: {left} of 6 dimensions are open (GET /v1/meta/readiness says what each level means)."
        return Step(state="readiness not known", what=what, whose="agency", href=f"/v1/agencies/{{agency}}/readiness/{area}")
    if needs is None:
        return Step(state="needs not stated", what="State needs per business activity.", whose="agency", href="/v1/needs")
    if not needs.applicable:
        what = f"Answer the area's activities: {situation.open_activities} are open."
        return Step(state="needs not stated", what=what, whose="agency", href=f"/v1/needs/{needs.id}")
    if shortlist is None or shortlist.needs_id != needs.id:
        what = "Look at what fits, and lock a shortlist."
        return Step(state="needs stated", what=what, whose="agency", href=f"/v1/needs/{needs.id}/fit")
    return _of_shortlist(shortlist)


def _of_shortlist(shortlist: Shortlist) -> Step:
    decision = shortlist.decision
    if decision is None:
        href = f"/v1/shortlists/{shortlist.id}/decide"
        return Step(state="shortlist locked", what="Decide the shortlist.", whose="agency", href=href)
    if decision.outcome is Outcome.SELECTED:
        what = f"Start the adoption of offering {decision.offering_id}."
        return Step(state="offering selected", what=what, whose="agency", href="/v1/adoptions")
    what = "Talk to the QSMO about what is missing; the demand stands in its backlog."
    return Step(state="nothing suitable", what=what, whose="qsmo", href=f"/v1/demands?area={shortlist.focus_area}")
