"""Field types and the base of every wire model: strict, bounded, without characters a database refuses."""

from __future__ import annotations

import re
import sys
import warnings
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.warnings import UnsupportedFieldAttributeWarning

# FastAPI annotates a body with an alias, which says nothing to a model that is built on its first use.
warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)
# FastAPI loads version 1 of pydantic, 2 MB a process, to ask whether a model is of it. None is: it hears that it is absent.
sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]  # what the import system itself takes for "not there"


def _integer(value: Any) -> Any:
    """JSON Schema's integer: 2 and 2.0 are, true and "2" are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be an integer")  # noqa: TRY004 - pydantic reports ValueError
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("must be a whole number")
    return int(value)


def _day(value: Any) -> Any:
    """YYYY-MM-DD and nothing else: no timestamps, no epoch numbers."""
    if isinstance(value, str) and len(value) == len("2020-04-27"):
        return date.fromisoformat(value)
    if isinstance(value, date):
        return value
    raise ValueError("must be a date as YYYY-MM-DD")


def _instant(value: Any) -> Any:
    """RFC 3339 with an offset: no epoch numbers, no local times."""
    if isinstance(value, str):
        if not _RFC3339.fullmatch(value):
            raise ValueError("must be an RFC 3339 instant, e.g. 2020-04-27T00:00:00Z")
        return datetime.fromisoformat(value)
    return value


_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")
_PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"

Whole = BeforeValidator(_integer)  # after a Field with bounds: before it, the bounds are missing from the schema
Integer = Annotated[int, Whole]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant, json_schema_input_type=datetime)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=128)]
Line = Annotated[str, StringConstraints(pattern=_ONE_LINE, min_length=1, max_length=300, strip_whitespace=True)]
# As it was given: of a query, what is stripped before it is looked at is not what the pattern says.
Words = Annotated[str, StringConstraints(pattern=_ONE_LINE, min_length=1, max_length=300)]
LongText = Annotated[str, StringConstraints(pattern=_PRINTABLE, max_length=20_000)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00-\x1f\x7f]+$", max_length=2_000)]
Reason = Annotated[str, StringConstraints(pattern=_PRINTABLE, min_length=3, max_length=2_000, strip_whitespace=True)]


class Wire(BaseModel):
    """A request body: unknown members are an error that names them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Shown(BaseModel):
    """A response body, built by our own code."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, defer_build=True)


class MoneyGiven(Wire):
    """Dollars and cents as text: a JSON number may lose cents on its way."""

    amount: Annotated[str, Field(pattern=r"^\d{1,16}(\.\d{1,2})?$")]
    currency: Literal["USD"] = "USD"


class MoneyShown(Shown):
    amount: Decimal
    currency: str = "USD"


class Action(Shown):
    """What this caller could do with the thing now, or what stands in the way."""

    action: str
    href: str
    possible: bool
    missing: list[str] = Field(default_factory=list, description="What has to happen first; empty when possible.")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str | None = None
    errors: list[dict[str, str]] = []
    missing: list[str] = []
    allowed_actions: list[str] = []
