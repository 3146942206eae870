"""Wire models of service levels."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from services.adoption.domain.sla import Trend
from shared.kernel.target import Comparison, TargetKind, Unit
from shared.web.wire import Identifier, Line, LongText, Shown, Wire

Month = Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]


class TargetGiven(Wire):
    """As a standard or an agreement writes it, such as `>=80%` or `within 5 business days`."""

    target: Line


class SlaGiven(TargetGiven):
    measure_id: Identifier


class ResultGiven(Wire):
    """`value` in the unit of the target; yes is 1, no is 0."""

    month: Month
    value: Annotated[str, Field(pattern=r"^\d{1,12}(\.\d{1,6})?$")]
    comment: LongText = ""


class TargetShown(Shown):
    """What the words are understood as."""

    comparison: Comparison
    value: Decimal
    unit: Unit


class TargetUnderstood(Shown):
    """`comparable` is None where the words state no target that a result could be held against."""

    text: str
    kind: TargetKind
    comparable: TargetShown | None


class ResultShown(Shown):
    """`target`: the one in force when the month was told; `met` is None against one that is only text."""

    month: str
    value: Decimal
    target: str
    met: bool | None
    by: str
    on: date
    comment: str


class SlaInList(Shown):
    """`missed_in_a_row`: months at the end of those recorded; `missing`: what is needed before a month can be judged."""

    id: str
    version: int
    adoption_id: str
    agency_id: str
    offering_id: str
    focus_area: str
    measure_id: str
    target: str
    target_kind: TargetKind
    comparable: TargetShown | None
    missing: list[str]
    months: int
    missed: int
    missed_in_a_row: int
    trend: Trend
    last: ResultShown | None


class SlaShown(SlaInList):
    results: list[ResultShown]


class SlaPage(Shown):
    items: list[SlaInList]
    next_cursor: str | None
