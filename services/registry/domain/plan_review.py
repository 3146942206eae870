"""How a plan is reviewed: completeness check, consolidated questions, the board's vote.

Source: M-19-16 (governance), the board's charter of August 2024.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from services.registry.domain.delegation import Delegation, in_force
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
    delegations: tuple[Delegation, ...] = ()

    @property
    def is_filled(self) -> bool:
        return self.subject is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The vote of one seat on one submission; `acting_for` is the seat when it was delegated."""

    seat: str
    choice: Choice
    by: str
    at: datetime
    comment: str = ""
    acting_for: str | None = None


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
    """The seats as they are now, those that belong to the host, and those that somebody acts for today."""

    seats: tuple[BoardSeat, ...] = ()
    recused: Collection[str] = ()
    acting: Collection[str] = ()

    @property
    def filled(self) -> tuple[BoardSeat, ...]:
        """A vacant seat that is delegated counts too: it votes."""
        return tuple(seat for seat in self.seats if seat.is_filled or seat.id in self.acting)

    @property
    def quorum(self) -> int:
        """A majority of the filled seats, recused ones among them."""
        return len(self.filled) // 2 + 1


def check_vote(votes: Sequence[Vote], seat: BoardSeat, *, board: Board, by: str, on: date) -> str | None:
    """The seat when `by` votes by delegation, None for its holder.

    Raises RuleViolation for a vacant or recused seat, Forbidden for another's seat, Conflict for a second vote.
    """
    delegation = in_force(seat.delegations, on)
    acts = delegation is not None and delegation.to == by
    if not seat.is_filled and delegation is None:
        missing = f"a holder of the seat {seat.id}, or a delegation"
        raise RuleViolation(f"The seat {seat.id} is vacant.", code="seat-vacant", missing=(missing,))
    if seat.subject != by and not acts:
        raise Forbidden(f"The seat {seat.id} is held by someone else.", code="not-your-seat")
    if seat.id in board.recused:
        raise RuleViolation(f"The seat {seat.id} belongs to the plan's host and is recused.", code="recused")
    if any(vote.seat == seat.id for vote in votes):
        raise Conflict(f"The seat {seat.id} has voted already.", code="voted-already")
    return seat.id if acts else None


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
