"""Feedback with its reply and its log."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from services.adoption import tables
from services.adoption.domain.feedback import Feedback
from shared.db import Row
from shared.outbox import AggregateStore

_COLUMNS = ("adoption_id", "organization_id", "offering_id", "focus_area", "quarter")


@cache
def _adapter() -> TypeAdapter[Feedback]:
    return TypeAdapter(Feedback)


def _feedback(row: Row) -> Feedback:
    return _adapter().validate_python({**row["document"], "id": row["id"], "version": row["version"]})


def _feedback_row(feedback: Feedback) -> dict[str, Any]:
    document = _adapter().dump_python(feedback, mode="json", exclude={"id", "version"})
    return {**{name: getattr(feedback, name) for name in _COLUMNS}, "document": document}


feedbacks = AggregateStore(
    source="/adoption",
    name="feedback",
    table=tables.feedbacks,
    outbox=tables.outbox,
    to_row=_feedback_row,
    from_row=_feedback,
)
