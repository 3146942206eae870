"""How a plan is reviewed: completeness check, consolidated questions, the board's vote.

Source: M-19-16 (governance), the board's charter of August 2024.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.kernel.errors import Conflict, Forbidden, RuleViolation


class Choice(StrEnum):
    """What a seat says to a plan; an abstention counts for the quorum."""

    FOR = "for"
    AGAINST = "against"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSeat:
    """A seat of the governance board; vacant while no `subject` holds it."""

    id: str
    version: int
    title: str
    council: str | None = None
    organization_id: str | None = None
    subject: str | None = None

    @property
    def is_filled(self) -> bool:
        return self.subject is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The vote of one seat on one submission."""

    seat: str
    choice: Choice
    by: str
    at: datetime
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that the reviewers put together, and its answer."""

    id: str
    text: str
    asked_by: str
    asked_at: datetime
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The coordinator's completeness check of one submission."""

    complete: bool
    note: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What the board advises, with the count it rests on."""

    outcome: Choice
    in_favour: int
    against: int
    abstained: int
    filled_seats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The seats as they are now, and those of them that belong to the host."""

    seats: tuple[BoardSeat, ...] = ()
    recused: Collection[str] = ()

    @property
    def filled(self) -> tuple[BoardSeat, ...]:
        return tuple(seat for seat in self.seats if seat.is_filled)

    @property
    def quorum(self) -> int:
        """A majority of the filled seats, recused ones among them."""
        return len(self.filled) // 2 + 1


def check_vote(votes: Sequence[Vote], seat: BoardSeat, *, board: Board, by: str) -> None:
    """Raises RuleViolation for a vacant or recused seat, Forbidden for another's seat, Conflict for a second vote."""
    if not seat.is_filled:
        raise RuleViolation(f"The seat {seat.id} is vacant.", code="seat-vacant", missing=(f"a holder of the seat {seat.id}",))
    if seat.subject != by:
        raise Forbidden(f"The seat {seat.id} is held by someone else.", code="not-your-seat")
    if seat.id in board.recused:
        raise RuleViolation(f"The seat {seat.id} belongs to the plan's host and is recused.", code="recused")
    if any(vote.seat == seat.id for vote in votes):
        raise Conflict(f"The seat {seat.id} has voted already.", code="voted-already")


def missing_for_recommendation(
    *, check: Check | None, questions: Sequence[Question], votes: Sequence[Vote], board: Board
) -> tuple[str, ...]:
    """What the board still lacks to recommend."""
    missing = [] if check is not None and check.complete else ["completeness check passed"]
    missing += [f"answer to question {question.id}" for question in questions if question.answer is None]
    if not board.filled:
        missing.append("a filled board seat (all are vacant)")
    elif len(votes) < board.quorum:
        missing.append(f"quorum: {board.quorum} votes of {len(board.filled)} filled seats ({len(votes)} cast)")
    elif _count(votes, Choice.FOR) == _count(votes, Choice.AGAINST):
        missing.append("a majority for or against (the vote is tied)")
    return tuple(missing)


def recommendation(votes: Sequence[Vote], board: Board) -> Recommendation:
    """The outcome of a vote that has its quorum and is not tied."""
    in_favour, against = _count(votes, Choice.FOR), _count(votes, Choice.AGAINST)
    return Recommendation(
        outcome=Choice.FOR if in_favour > against else Choice.AGAINST,
        in_favour=in_favour,
        against=against,
        abstained=_count(votes, Choice.ABSTAIN),
        filled_seats=len(board.filled),
    )


def _count(votes: Sequence[Vote], choice: Choice) -> int:
    return sum(vote.choice is choice for vote in votes)
