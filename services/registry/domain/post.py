"""Posts that the regime rests on: who holds each, since when, and who acts for the holder.

Source: M-19-16 (every agency names a SAPOC), domain-model §2; vacancies are what auditors ask for (GAO-26-108014).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from services.registry.domain.delegation import Delegation, in_force, outlived
from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition


class PostKind(StrEnum):
    """The first three belong to an organization, the last to a focus area."""

    SAPOC = "sapoc"
    CIO = "cio"
    AGENCY_HEAD = "agency-head"
    QSMO_DIRECTOR = "qsmo-director"


class PostState(StrEnum):
    VACANT = "vacant"
    FILLED = "filled"


_ANY = (PostState.VACANT, PostState.FILLED)
_DELEGATION = ("a person", "an end date", "reason")
MACHINE = StateMachine(
    "post",
    (
        Transition(
            action="fill",
            sources=(None, *_ANY),
            target=PostState.FILLED,
            roles=("coordinator",),
            needs=("holder", "effective_on"),
        ),
        Transition(
            action="vacate",
            sources=(None, PostState.FILLED),
            target=PostState.VACANT,
            roles=("coordinator",),
            needs=("effective_on",),
        ),
        *(
            Transition(action="delegate", sources=(state,), target=state, roles=("coordinator", "holder"), needs=_DELEGATION)
            for state in _ANY
        ),
        *(
            Transition(
                action="end-delegation",
                sources=(state,),
                target=state,
                roles=("coordinator", "holder"),
                needs=("a delegation in force",),
            )
            for state in _ANY
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """`subject` is how the person signs in; a register may know no more than the name."""

    name: str
    title: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostStep:
    """From this day on the post is held by `holder`, or vacant."""

    action: str
    state: PostState
    on: date
    at: datetime
    by: str
    holder: Holder | None = None
    reason: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The id is `<kind>:<organization or focus area>`; `steps` is the whole history, oldest first."""

    id: str
    version: int
    kind: PostKind
    organization_id: str | None
    focus_area: str | None
    steps: tuple[PostStep, ...]
    delegations: tuple[Delegation, ...] = ()

    @property
    def last(self) -> PostStep:
        return self.steps[-1]

    def as_of(self, day: date, *, known_at: datetime | None = None) -> Post | None:
        """As it was on `day` by what had been recorded at `known_at`; None before it was on record."""
        steps = tuple(step for step in self.steps if step.on <= day and (known_at is None or step.at <= known_at))
        delegations = tuple(d for d in self.delegations if d.begins_on <= day and (known_at is None or d.at <= known_at))
        return replace(self, steps=steps, delegations=delegations) if steps else None


def post_id(kind: PostKind, scope: str) -> str:
    """`scope` is the organization's id, or the focus area of a QSMO director."""
    return f"{kind}:{scope}"


def opened(kind: PostKind, step: PostStep, *, scope: str) -> Post:
    """A post comes on record with who holds it, or as vacant."""
    of_area = kind is PostKind.QSMO_DIRECTOR
    return Post(
        id=post_id(kind, scope),
        version=0,
        kind=kind,
        organization_id=None if of_area else scope,
        focus_area=scope if of_area else None,
        steps=(step,),
    )


def step(
    action: str, *, state: PostState | None, holder: Holder | None, on: date, at: datetime, by: str, **why: str | None
) -> PostStep:
    """`why`: reason, source. Raises RuleViolation when the state does not allow it, or the holder is missing."""
    after = PostState(MACHINE.after(action, state=state))
    if after is PostState.FILLED and holder is None:
        raise RuleViolation(f"{action} needs: holder.", code="missing", missing=("holder",))
    return PostStep(action=action, state=after, on=on, at=at, by=by, holder=holder, **why)


def moved(post: Post, next_step: PostStep) -> Post:
    """Raises RuleViolation when the step would take effect before the last one."""
    if next_step.on < post.last.on:
        raise RuleViolation(
            f"{next_step.action} cannot take effect on {next_step.on}: {post.last.action} took effect on {post.last.on}.",
            code="effective-date-order",
        )
    delegations = post.delegations
    if next_step.holder is not None and next_step.holder != post.last.holder:
        delegations = outlived(delegations, on=next_step.on)
    return replace(post, steps=(*post.steps, next_step), delegations=delegations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Whether a person may act in a post: `vacancy` names what is missing when nobody may."""

    post: str
    may: bool = False
    acting_for: str | None = None
    vacancy: str | None = None


def signature(post: Post | None, id: str, *, by: str, on: date) -> Signature:
    """The holder may, and whoever it is delegated to on that day; `post` is None when it is not on record."""
    if post is None:
        return Signature(post=id, vacancy=f"a holder of the post {id} (not on record)")
    delegation = in_force(post.delegations, on)
    if delegation is not None and delegation.to == by:
        return Signature(post=id, may=True, acting_for=id)
    if post.last.holder is not None:
        return Signature(post=id, may=post.last.holder.subject == by)
    if delegation is not None:
        return Signature(post=id)
    return Signature(post=id, vacancy=f"a holder of the post {id} (vacant since {post.last.on}), or a delegation")
