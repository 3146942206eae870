"""Posts and board seats."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from services.registry import tables
from services.registry.domain.delegation import Delegation
from services.registry.domain.plan_review import BoardSeat
from services.registry.domain.post import Post, PostKind, PostStep
from shared.db import Row
from shared.outbox import AggregateStore

_SOURCE = "/registry"
_STEPS = TypeAdapter(tuple[PostStep, ...])
_DELEGATIONS = TypeAdapter(tuple[Delegation, ...])


def delegations(column: Any) -> tuple[Delegation, ...]:
    """From what stands in a column of this name."""
    return _DELEGATIONS.validate_python(column or ())


def _post(row: Row) -> Post:
    return Post(
        id=row["id"],
        version=row["version"],
        kind=PostKind(row["kind"]),
        organization_id=row["organization_id"],
        focus_area=row["focus_area"],
        steps=_STEPS.validate_python(row["steps"]),
        delegations=delegations(row["delegations"]),
    )


def _post_row(post: Post) -> dict[str, Any]:
    return {
        "kind": post.kind.value,
        "organization_id": post.organization_id,
        "focus_area": post.focus_area,
        "state": post.last.state.value,
        "since": post.last.on,
        "steps": _STEPS.dump_python(post.steps, mode="json"),
        "delegations": _DELEGATIONS.dump_python(post.delegations, mode="json"),
    }


posts = AggregateStore(source=_SOURCE, name="post", table=tables.posts, outbox=tables.outbox, to_row=_post_row, from_row=_post)


def _board_seat(row: Row) -> BoardSeat:
    return BoardSeat(**{**row, "delegations": delegations(row["delegations"])})


def _board_seat_row(seat: BoardSeat) -> dict[str, Any]:
    return {
        "title": seat.title,
        "council": seat.council,
        "organization_id": seat.organization_id,
        "subject": seat.subject,
        "delegations": _DELEGATIONS.dump_python(seat.delegations, mode="json"),
    }


board_seats = AggregateStore(
    source=_SOURCE,
    name="board seat",
    table=tables.board_seats,
    outbox=tables.outbox,
    to_row=_board_seat_row,
    from_row=_board_seat,
)
