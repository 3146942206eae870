"""Wire models of what an offering says of itself."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from services.catalog.domain.content import CoverageLevel, Dimension
from services.catalog.domain.price import Per, Unit
from shared.web.wire import Day, Identifier, Line, LongText, MoneyGiven, MoneyShown, Shown, Url, Whole, Wire

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$", max_length=40)]
FibfId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,8}([.-][A-Z0-9]+)+$", max_length=40)]
MonthDay = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
Code = Identifier
Level = Annotated[int, Field(ge=1, le=5), Whole]
Count = Annotated[int, Field(ge=1, le=1_000_000_000_000), Whole]


class CoverageGiven(Wire):
    fibf_id: FibfId
    coverage: CoverageLevel
    comment: LongText | None = None
    evidence: Url | None = None
    assessor: Line | None = None


class AuthorizationGiven(Wire):
    """Words in lower case with underscores: `in_process`, `li_saas`, `government_community_cloud`."""

    fedramp_id: Identifier | None = None
    status: Word
    kind: Word | None = None
    impact_level: Word | None = None
    service_models: Annotated[list[Word], Field(max_length=10)] = []
    deployment_model: Word | None = None
    ready_on: Day | None = None
    in_process_on: Day | None = None
    authorized_on: Day | None = None
    expires_on: Day | None = None
    annual_assessment: MonthDay | None = None
    partnering_agency: Line | None = None
    assessor: Line | None = None


class TierGiven(Wire):
    """Applies to sizes up to and with `up_to`; only the last may leave it out."""

    up_to: Count | None = None
    amount: MoneyGiven
    per: Per


class PriceGiven(Wire):
    """Tiers by rising `up_to`."""

    model: Word
    unit: Unit
    tiers: Annotated[list[TierGiven], Field(min_length=1, max_length=20)]
    setup: MoneyGiven | None = None
    included: Annotated[list[Line], Field(max_length=50)] = []


class SuitsGiven(Wire):
    """From `least` on, up to and with `most`; without it, every higher level too."""

    dimension: Dimension
    least: Level
    most: Level | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise ValueError("most is below least")
        return self


class PromiseGiven(Wire):
    measure_id: Line
    target: Line


class GuideGiven(Wire):
    """The text of a best practice or tool."""

    body: LongText = ""
    steps: Annotated[list[Line], Field(max_length=100)] = []
    artifacts: Annotated[list[Line], Field(max_length=50)] = []
    standards: Annotated[list[Line], Field(max_length=50)] = []


class CoverageShown(Shown):
    fibf_id: str
    coverage: CoverageLevel
    comment: str | None
    evidence: str | None
    assessor: str | None


class AuthorizationShown(Shown):
    fedramp_id: str | None
    status: str
    kind: str | None
    impact_level: str | None
    service_models: list[str]
    deployment_model: str | None
    ready_on: date | None
    in_process_on: date | None
    authorized_on: date | None
    expires_on: date | None
    annual_assessment: str | None
    partnering_agency: str | None
    assessor: str | None


class TierShown(Shown):
    up_to: int | None
    amount: MoneyShown
    per: Per


class PriceShown(Shown):
    model: str
    unit: Unit
    tiers: list[TierShown]
    setup: MoneyShown
    included: list[str]


class SuitsShown(Shown):
    dimension: Dimension
    least: int
    most: int | None


class PromiseShown(Shown):
    measure_id: str
    target: str


class GuideShown(Shown):
    body: str
    steps: list[str]
    artifacts: list[str]
    standards: list[str]
