"""Investment action plans, and the thresholds from which they are needed."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from services.adoption import tables
from services.adoption.domain.iap import Iap
from services.adoption.domain.iap_threshold import Threshold
from shared.db import Row
from shared.outbox import AggregateStore

_KEPT_AS_COLUMNS = {"id", "version"}


@cache
def _plans() -> TypeAdapter[Iap]:
    return TypeAdapter(Iap)


def _iap(row: Row) -> Iap:
    return _plans().validate_python({**row["document"], "id": row["id"], "version": row["version"]})


def _iap_row(iap: Iap) -> dict[str, Any]:
    return {
        "organization_id": iap.organization_id,
        "areas": f" {' '.join(iap.areas)} ",
        "status": iap.status.value,
        "expires_on": iap.expires_on,
        "document": _plans().dump_python(iap, mode="json", exclude=_KEPT_AS_COLUMNS),
    }


iaps = AggregateStore(
    source="/adoption",
    name="investment action plan",
    table=tables.iaps,
    outbox=tables.outbox,
    to_row=_iap_row,
    from_row=_iap,
)


def _threshold(row: Row) -> Threshold:
    return Threshold(**{**row, "amount": Decimal(row["amount"])})


def _threshold_row(threshold: Threshold) -> dict[str, Any]:
    return {
        "focus_area": threshold.focus_area,
        "amount": str(threshold.amount),
        "reason": threshold.reason,
        "by": threshold.by,
    }


iap_thresholds = AggregateStore(
    source="/adoption",
    name="threshold",
    table=tables.iap_thresholds,
    outbox=tables.outbox,
    to_row=_threshold_row,
    from_row=_threshold,
)
