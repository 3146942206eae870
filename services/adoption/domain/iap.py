"""An investment action plan: the case for buying outside the marketplace, from its draft to the last of its conditions.

Source: M-19-16 (approval by SAPOC, CIO, QSMO and OMB); Investment Planning Guidance, March 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from services.adoption.domain.business_days import business_days_after
from services.adoption.domain.iap_content import Content, absent
from services.adoption.domain.iap_need import AreaStanding, Kind, Need, need
from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition

ANSWER_WITHIN_BUSINESS_DAYS = 10
STAKEHOLDERS = ("omb", "qsmo", "coordinator", "standards")


class Status(StrEnum):
    """Where a plan stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PRELIMINARY_REVIEW = "preliminary_review"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


_AGENCY = ("agency",)
_BEFORE_REVIEW = (Status.DRAFT, Status.SUBMITTED, Status.PRELIMINARY_REVIEW)
_UNDER_REVIEW = (Status.SUBMITTED, Status.PRELIMINARY_REVIEW, Status.IN_REVIEW)


def _stay(action: str, sources: Sequence[Status], roles: tuple[str, ...], *needs: str) -> tuple[Transition, ...]:
    """An action that leaves the state as it is."""
    return tuple(Transition(action=action, sources=(s,), target=s, roles=roles, needs=needs) for s in sources)


MACHINE = StateMachine(
    "investment action plan",
    (
        Transition(action="draft", sources=(None,), target=Status.DRAFT, roles=_AGENCY, needs=("a purchase that needs one",)),
        *_stay("edit", (Status.DRAFT,), _AGENCY),
        *_stay("endorse", (Status.DRAFT,), _AGENCY, "the agency's head when comprehensive, its SAPOC when streamlined"),
        *_stay("recommend", (*_BEFORE_REVIEW, Status.IN_REVIEW), ("qsmo",), "rationale"),
        Transition(
            action="submit",
            sources=(Status.DRAFT,),
            target=Status.SUBMITTED,
            roles=_AGENCY,
            needs=("everything of the content matrix", "the QSMO's recommendation", "endorsement"),
        ),
        Transition(
            action="ask-preliminary",
            sources=(Status.SUBMITTED,),
            target=Status.PRELIMINARY_REVIEW,
            roles=(*_AGENCY, "coordinator"),
        ),
        *_stay("answer", (Status.PRELIMINARY_REVIEW,), STAKEHOLDERS, f"within {ANSWER_WITHIN_BUSINESS_DAYS} business days"),
        Transition(
            action="start-review",
            sources=(Status.SUBMITTED, Status.PRELIMINARY_REVIEW),
            target=Status.IN_REVIEW,
            roles=("coordinator",),
            needs=("of a preliminary review: every answer, or its clock run out",),
        ),
        Transition(
            action="return", sources=_UNDER_REVIEW, target=Status.DRAFT, roles=("qsmo", "coordinator", "omb"), needs=("reason",)
        ),
        *_stay("sign", (Status.IN_REVIEW,), (*_AGENCY, "qsmo"), "post filled", "another person than the one who submitted"),
        Transition(
            action="approve",
            sources=(Status.IN_REVIEW,),
            target=Status.APPROVED,
            roles=("omb",),
            needs=("the approvals of SAPOC, CIO and each QSMO", "a day on which it expires"),
        ),
        Transition(action="deny", sources=(Status.IN_REVIEW,), target=Status.DENIED, roles=("omb",), needs=("reason",)),
        *_stay("satisfy", (Status.APPROVED,), ("qsmo", "omb"), "an open condition", "evidence"),
        Transition(action="withdraw", sources=(*_BEFORE_REVIEW, Status.IN_REVIEW), target=Status.WITHDRAWN, roles=_AGENCY),
        Transition(
            action="re-review",
            sources=(Status.APPROVED, Status.EXPIRED),
            target=Status.DRAFT,
            roles=(*_AGENCY, "omb"),
            needs=("reason",),
        ),
        # By the hourly look, not by hand.
        Transition(action="expire", sources=(Status.APPROVED,), target=Status.EXPIRED, roles=()),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What a QSMO makes of the fit-gap; `warranted`: circumstances make the plan comprehensive."""

    focus_area: str
    in_favour: bool
    rationale: str
    by: str
    on: date
    warranted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Of a person for a party, such as `sapoc` or `qsmo:cybersecurity`; `acting_for` the holder of its post."""

    party: str
    by: str
    on: date
    text: str = ""
    acting_for: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Of OMB's approval; open until it is satisfied."""

    id: str
    text: str
    due_on: date | None = None
    satisfied_on: date | None = None
    evidence: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Iap:
    """`areas`: the first is the leading one. `review`: how often it came up for review again."""

    id: str
    version: int
    organization_id: str
    areas: tuple[str, ...]
    status: Status
    content: Content
    recommendations: tuple[Recommendation, ...] = ()
    endorsement: Word | None = None
    submitted_by: str | None = None
    answers: tuple[Word, ...] = ()
    answers_due_on: date | None = None
    approvals: tuple[Word, ...] = ()
    conditions: tuple[Condition, ...] = ()
    decided_by: str | None = None
    decided_on: date | None = None
    expires_on: date | None = None
    reason: str | None = None
    review: int = 0

    @property
    def open_conditions(self) -> tuple[Condition, ...]:
        return tuple(each for each in self.conditions if each.satisfied_on is None)

    @property
    def parties(self) -> tuple[str, ...]:
        """Whose approval OMB waits for."""
        return ("sapoc", "cio", *(f"qsmo:{area}" for area in self.areas))

    def needs(self, areas: Sequence[AreaStanding], *, cfo_act: bool, taken: str | None) -> Need:
        """What the purchase needs as things stand; a QSMO may have said that circumstances warrant more."""
        warranted = any(each.warranted for each in self.recommendations)
        return need(replace(self.content.purchase, warranted=warranted, taken=taken), areas, cfo_act=cfo_act)

    def endorser(self, kind: Kind) -> str:
        return "agency-head" if kind is Kind.COMPREHENSIVE else "sapoc"

    def missing_to_submit(self, kind: Kind, *, marketplace_open: bool) -> tuple[str, ...]:
        missing = list(absent(self.content, kind, marketplace_open=marketplace_open))
        said = {each.focus_area for each in self.recommendations}
        missing += [f"the recommendation of the QSMO for {area}" for area in self.areas if area not in said]
        if self.endorsement is None or self.endorsement.party != self.endorser(kind):
            missing.append(f"the endorsement of the {self.endorser(kind)}")
        return tuple(missing)

    def missing_to_approve(self) -> tuple[str, ...]:
        signed = {each.party for each in self.approvals}
        return tuple(f"the approval of {party}" for party in self.parties if party not in signed)


def after(iap: Iap, action: str) -> Status:
    """Raises RuleViolation naming what the state allows."""
    return Status(MACHINE.after(action, state=iap.status))


def _refuse(action: str, *missing: str, code: str = "missing") -> RuleViolation:
    return RuleViolation(f"{action} needs: {'; '.join(missing)}.", code=code, missing=missing)


def needed(found: Need) -> Kind:
    """The kind. Raises RuleViolation where no plan is needed."""
    if found.kind is None:
        raise RuleViolation(f"No investment action plan is needed. {found.why}", code="unnecessary")
    return found.kind


def edit(iap: Iap, content: Content, areas: tuple[str, ...]) -> Iap:
    """What was endorsed is no longer there."""
    kept = tuple(each for each in iap.recommendations if each.focus_area in areas)
    return replace(iap, status=after(iap, "edit"), content=content, areas=areas, endorsement=None, recommendations=kept)


def endorse(iap: Iap, word: Word, *, kind: Kind) -> Iap:
    status = after(iap, "endorse")
    if word.party != iap.endorser(kind):
        raise _refuse("endorse", f"the {iap.endorser(kind)}, as the plan is {kind}")
    return replace(iap, status=status, endorsement=word)


def recommend(iap: Iap, given: Recommendation) -> Iap:
    others = tuple(each for each in iap.recommendations if each.focus_area != given.focus_area)
    return replace(iap, status=after(iap, "recommend"), recommendations=(*others, given))


def submit(iap: Iap, *, kind: Kind, marketplace_open: bool, by: str) -> Iap:
    status = after(iap, "submit")
    if missing := iap.missing_to_submit(kind, marketplace_open=marketplace_open):
        raise _refuse("submit", *missing)
    return replace(iap, status=status, submitted_by=by, approvals=(), answers=(), answers_due_on=None, reason=None)


def ask_preliminary(iap: Iap, *, on: date) -> Iap:
    """The clock runs from the day after."""
    due = business_days_after(on, ANSWER_WITHIN_BUSINESS_DAYS)
    return replace(iap, status=after(iap, "ask-preliminary"), answers_due_on=due)


def answer(iap: Iap, word: Word) -> Iap:
    others = tuple(each for each in iap.answers if each.party != word.party)
    return replace(iap, status=after(iap, "answer"), answers=(*others, word))


def unanswered(iap: Iap, *, on: date) -> tuple[str, ...]:
    """Whose answers the preliminary review still waits for; nobody's once its clock has run out."""
    if iap.answers_due_on is None or on > iap.answers_due_on:
        return ()
    awaited = ("omb", *(f"qsmo:{area}" for area in iap.areas), "coordinator")
    given = {each.party for each in iap.answers}
    return tuple(party for party in awaited if party not in given)


def start_review(iap: Iap, *, on: date) -> Iap:
    status = after(iap, "start-review")
    if waited := unanswered(iap, on=on):
        missing = (*(f"the answer of {party}" for party in waited), f"or the clock to run out ({iap.answers_due_on})")
        raise _refuse("start-review", *missing)
    return replace(iap, status=status)


def sign(iap: Iap, word: Word) -> Iap:
    """One approval a party, one party a person."""
    status = after(iap, "sign")
    if word.by == iap.submitted_by:
        raise _refuse("sign", "another person than the one who submitted", code="separation-of-duties")
    if other := next((each.party for each in iap.approvals if each.by == word.by and each.party != word.party), None):
        raise _refuse("sign", f"another person than the one who signed for {other}", code="separation-of-duties")
    others = tuple(each for each in iap.approvals if each.party != word.party)
    return replace(iap, status=status, approvals=(*others, word))


def approve(iap: Iap, conditions: Sequence[Condition], *, expires_on: date, on: date, by: str, reason: str | None) -> Iap:
    """OMB's word is the last."""
    status = after(iap, "approve")
    if missing := iap.missing_to_approve():
        raise _refuse("approve", *missing)
    if expires_on <= on:
        raise _refuse("approve", f"an expiry that is to come (today is {on})")
    _apart(iap, by)
    return replace(
        iap,
        status=status,
        conditions=(*iap.conditions, *conditions),
        expires_on=expires_on,
        decided_by=by,
        decided_on=on,
        reason=reason,
    )


def deny(iap: Iap, *, on: date, by: str, reason: str) -> Iap:
    status = after(iap, "deny")
    _apart(iap, by)
    return replace(iap, status=status, decided_by=by, decided_on=on, reason=reason)


def _apart(iap: Iap, by: str) -> None:
    if by == iap.submitted_by or by in {each.by for each in iap.approvals}:
        raise _refuse("decide", "another person than those who submitted and signed", code="separation-of-duties")


def satisfy(iap: Iap, condition_id: str, *, evidence: str, on: date, by: str) -> Iap:
    """Raises RuleViolation for a condition that is not open, or by who submitted."""
    status = after(iap, "satisfy")
    if condition_id not in {each.id for each in iap.open_conditions}:
        raise _refuse("satisfy", "an open condition")
    if by == iap.submitted_by:
        raise _refuse("satisfy", "another person than the one who submitted", code="separation-of-duties")
    changed = tuple(
        replace(each, satisfied_on=on, evidence=evidence, by=by) if each.id == condition_id else each for each in iap.conditions
    )
    return replace(iap, status=status, conditions=changed)


def send_back(iap: Iap, *, reason: str) -> Iap:
    return replace(iap, status=after(iap, "return"), reason=reason, approvals=(), endorsement=None, submitted_by=None)


def withdraw(iap: Iap, *, reason: str | None) -> Iap:
    return replace(iap, status=after(iap, "withdraw"), reason=reason)


def review_again(iap: Iap, *, reason: str) -> Iap:
    """As a draft, with its text and its conditions; everybody has to say anew what they think of it."""
    status = after(iap, "re-review")
    return replace(
        iap,
        status=status,
        review=iap.review + 1,
        recommendations=(),
        endorsement=None,
        submitted_by=None,
        answers=(),
        answers_due_on=None,
        approvals=(),
        decided_by=None,
        decided_on=None,
        expires_on=None,
        reason=reason,
    )


def expire(iap: Iap) -> Iap:
    return replace(iap, status=after(iap, "expire"), reason=f"Its approval ended on {iap.expires_on}.")
