"""The states of an implementation plan, and who leads it from one to the next."""

from __future__ import annotations

from enum import StrEnum

from shared.kernel.machine import StateMachine, Transition


class State(StrEnum):
    """Source: domain-model §2."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    RECOMMENDED = "recommended"
    APPROVED = "approved"
    REJECTED = "rejected"
    ACTIVE = "active"
    COMPLETED = "completed"
    SUPERSEDED = "superseded"


IN_FORCE = (State.APPROVED, State.ACTIVE)
ASSESSABLE = (State.SUBMITTED, State.IN_REVIEW, State.RECOMMENDED, *IN_FORCE)

MACHINE = StateMachine(
    "plan",
    (
        Transition(action="draft", sources=(None,), target=State.DRAFT, roles=("qsmo",)),
        Transition(
            action="submit",
            sources=(State.DRAFT,),
            target=State.SUBMITTED,
            roles=("qsmo",),
            needs=("lead office", "services", "every section", "every fiscal year", "milestones"),
        ),
        Transition(action="start-review", sources=(State.SUBMITTED,), target=State.IN_REVIEW, roles=("coordinator",)),
        Transition(
            action="return",
            sources=(State.SUBMITTED, State.IN_REVIEW),
            target=State.RETURNED,
            roles=("coordinator",),
            needs=("reason",),
        ),
        Transition(action="redraft", sources=(State.RETURNED,), target=State.DRAFT, roles=("qsmo",)),
        Transition(
            action="recommend",
            sources=(State.IN_REVIEW,),
            target=State.RECOMMENDED,
            roles=("coordinator",),
            needs=("completeness check passed", "answers to all questions", "quorum", "a majority"),
        ),
        Transition(
            action="approve",
            sources=(State.RECOMMENDED,),
            target=State.APPROVED,
            roles=("omb",),
            needs=("every criterion met or waived", "policy clause"),
        ),
        Transition(
            action="reject",
            sources=(State.RECOMMENDED,),
            target=State.REJECTED,
            roles=("omb",),
            needs=("reason", "policy clause"),
        ),
        Transition(action="activate", sources=(State.APPROVED,), target=State.ACTIVE, roles=("omb", "coordinator")),
        Transition(
            action="complete",
            sources=(State.ACTIVE,),
            target=State.COMPLETED,
            roles=("omb", "coordinator"),
            needs=("no open milestone", "no open condition or corrective action"),
        ),
        Transition(
            action="supersede",
            sources=IN_FORCE,
            target=State.SUPERSEDED,
            roles=("omb",),
            needs=("a newer approved version",),
        ),
    ),
)
