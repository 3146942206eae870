"""Board seats."""

from __future__ import annotations

from shared.contracts.fact import Fact, Visibility


class BoardSeatFact(Fact):
    """A seat of the governance board as it is after the change; vacant without `subject`."""

    board_seat: str
    title: str
    council: str | None = None
    organization_id: str | None = None
    subject: str | None = None

    def visibility_level(self) -> Visibility:
        return Visibility.FEDERAL


class BoardSeatRegistered(BoardSeatFact, type="registry.board_seat.registered"):
    pass


class BoardSeatChanged(BoardSeatFact, type="registry.board_seat.changed"):
    pass
