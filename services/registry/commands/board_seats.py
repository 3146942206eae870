"""The seats of the board: who holds them, and who acts for the holder."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from services.registry import facts, store
from services.registry.domain import delegation as delegations
from services.registry.domain.delegation import DelegationGiven
from services.registry.domain.plan_review import BoardSeat
from services.registry.policy import require_delegation, require_for
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import Invalid, StaleVersion


async def register_seat(tx: Transaction, seat: BoardSeat, *, by: Principal) -> BoardSeat:
    """Raises Forbidden; Invalid for an unknown organization; Conflict when the seat exists."""
    require_for(by, "register board seat")
    await _check_organization(tx, seat)
    return await store.board_seats.add(tx, seat, facts.board_seat(contracts.BoardSeatRegistered, seat))


async def change_seat(tx: Transaction, seat: BoardSeat, *, by: Principal) -> BoardSeat:
    """`seat.version` is the one expected; what the holder delegated ends when another takes over.

    Raises Forbidden, NotFound, StaleVersion, Invalid.
    """
    require_for(by, "change board seat")
    current = await _seat_at(tx, seat.id, seat.version)
    await _check_organization(tx, seat)
    is_taken_over = seat.subject not in {None, current.subject}
    kept = delegations.outlived(current.delegations, on=tx.at.date()) if is_taken_over else current.delegations
    changed = replace(seat, delegations=kept)
    if changed == current:
        return current
    return await store.board_seats.save(tx, changed, facts.board_seat(contracts.BoardSeatChanged, changed))


async def delegate_seat(tx: Transaction, id: str, given: DelegationGiven, *, expected_version: int, by: Principal) -> BoardSeat:
    """Also of a vacant seat. Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    seat = await _seat_at(tx, id, expected_version)
    require_delegation(by, holder=seat.subject, of=f"the seat {id}")
    new = given.recorded(by=by.actor, at=tx.at)
    changed = replace(seat, delegations=delegations.delegated(seat.delegations, new, holder=seat.subject))
    return await store.board_seats.save(tx, changed, facts.board_seat(contracts.BoardSeatDelegated, changed))


async def end_seat_delegation(tx: Transaction, id: str, *, on: date, expected_version: int, by: Principal) -> BoardSeat:
    """Raises Forbidden, NotFound, StaleVersion; RuleViolation when none is in force on that day."""
    seat = await _seat_at(tx, id, expected_version)
    require_delegation(by, holder=seat.subject, of=f"the seat {id}")
    changed = replace(seat, delegations=delegations.ended(seat.delegations, on=on))
    return await store.board_seats.save(tx, changed, facts.board_seat(contracts.BoardSeatDelegationEnded, changed))


async def _seat_at(tx: Transaction, id: str, expected_version: int) -> BoardSeat:
    seat = await store.board_seats.get(tx, id)
    if seat.version != expected_version:
        raise StaleVersion(f"The board seat is at version {seat.version}.", current_version=seat.version)
    return seat


async def _check_organization(tx: Transaction, seat: BoardSeat) -> None:
    id = seat.organization_id
    if id is not None and await store.organizations.find(tx, id) is None:
        raise Invalid.at("/organization_id", f"There is no organization {id!r}.", code="unknown-reference")
