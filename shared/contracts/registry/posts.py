"""Posts of the regime and board seats."""

from __future__ import annotations

from datetime import date

from shared.contracts.fact import Fact, Visibility
from shared.contracts.registry.part import Part


class DelegationEntry(Part):
    """`to` acts for the holder from the one day to the other, both included."""

    to: str
    begins_on: date
    ends_on: date
    reason: str


class PostFact(Fact):
    """A post as it is after the change: held by `holder_name` since `effective_on`, or vacant."""

    post: str
    kind: str
    organization_id: str | None = None
    focus_area: str | None = None
    state: str
    holder_name: str | None = None
    holder_title: str | None = None
    subject: str | None = None
    effective_on: date
    reason: str | None = None
    source: str | None = None
    delegations: tuple[DelegationEntry, ...] = ()

    def visibility_level(self) -> Visibility:
        return Visibility.FEDERAL


class PostFilled(PostFact, type="registry.post.filled"):
    pass


class PostVacated(PostFact, type="registry.post.vacated"):
    """Also when a post comes on record as vacant."""


class PostDelegated(PostFact, type="registry.post.delegated"):
    pass


class PostDelegationEnded(PostFact, type="registry.post.delegation_ended"):
    pass


class BoardSeatFact(Fact):
    """A seat of the governance board as it is after the change; vacant without `subject`."""

    board_seat: str
    title: str
    council: str | None = None
    organization_id: str | None = None
    subject: str | None = None
    delegations: tuple[DelegationEntry, ...] = ()

    def visibility_level(self) -> Visibility:
        return Visibility.FEDERAL


class BoardSeatRegistered(BoardSeatFact, type="registry.board_seat.registered"):
    pass


class BoardSeatChanged(BoardSeatFact, type="registry.board_seat.changed"):
    pass


class BoardSeatDelegated(BoardSeatFact, type="registry.board_seat.delegated"):
    pass


class BoardSeatDelegationEnded(BoardSeatFact, type="registry.board_seat.delegation_ended"):
    pass
