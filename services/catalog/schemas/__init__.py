"""The catalog's wire models."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from services.catalog.domain.content import Hosting, Kind, Material, Shelf
from services.catalog.domain.marketplace import Status as MarketplaceStatus
from services.catalog.domain.offering import Status
from services.catalog.domain.provider import Kind as ProviderKind
from services.catalog.schemas.content import (
    AuthorizationGiven,
    AuthorizationShown,
    Code,
    Count,
    CoverageGiven,
    CoverageShown,
    GuideGiven,
    GuideShown,
    PriceGiven,
    PriceShown,
    PromiseGiven,
    PromiseShown,
    SuitsGiven,
    SuitsShown,
)
from shared.web.wire import Action, Identifier, Line, LongText, Reason, Shown, Slug, Url, Whole, Wire

Uei = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{12}$")]


class ServiceStanding(Shown):
    """A service of the area and the designation that stands behind it, newest first in law."""

    service: str
    title: str
    designation_id: str
    status: str
    organization_id: str | None
    organization_name: str | None
    effective_on: date


class MarketplaceShown(Shown):
    """`opens_on` is what the area plans, `opened_on` the day it opened."""

    id: str
    version: int
    title: str
    status: MarketplaceStatus
    opens_on: date | None
    opened_on: date | None
    services: list[ServiceStanding]


class ProviderGiven(Wire):
    name: Line
    kind: ProviderKind
    organization_id: Identifier | None = None
    uei: Uei | None = None
    small_business: bool | None = None


class ProviderShown(Shown):
    id: str
    version: int
    name: str
    kind: ProviderKind
    organization_id: str | None
    uei: str | None
    small_business: bool | None
    actions: list[Action] = Field(alias="_actions")


class OfferingValues(Wire):
    name: Line
    kind: Kind
    focus_areas: Annotated[list[Slug], Field(max_length=20)] = []
    services: Annotated[list[Slug], Field(max_length=200)] = []
    shelf: Shelf | None = None
    summary: Annotated[LongText, Field(max_length=1_000)] = ""
    description: LongText = ""
    provider_id: Identifier | None = None
    fibf_coverage: Annotated[list[CoverageGiven], Field(max_length=2_000)] = []
    authorization: AuthorizationGiven | None = None
    pricing: LongText | None = None
    vehicles: Annotated[list[Line], Field(max_length=50)] = []
    is_free: bool = False
    lineage: LongText | None = None
    website: Url | None = None
    business_functions: Annotated[list[Line], Field(max_length=50)] = []
    standards: Annotated[list[Identifier], Field(max_length=100)] = []
    price: PriceGiven | None = None
    suits: Annotated[list[SuitsGiven], Field(max_length=6)] = []
    in_production: bool = False
    onboarding_days: Annotated[int, Field(ge=1, le=10_000), Whole] | None = None
    hosting: Hosting | None = None
    interfaces: Annotated[list[Line], Field(max_length=100)] = []
    transactions_per_year: Count | None = None
    promises: Annotated[list[PromiseGiven], Field(max_length=200)] = []
    lessons: Annotated[list[Line], Field(max_length=50)] = []
    depends_on: Annotated[list[Code], Field(max_length=50)] = []
    bundle: Annotated[list[Code], Field(max_length=100)] = []
    migrates_to: Code | None = None
    guide: GuideGiven | None = None
    cost_method: LongText | None = None
    satisfaction: LongText | None = None


class OfferingGiven(OfferingValues):
    code: Identifier


class Reasoned(Wire):
    reason: Reason


class Retired(Wire):
    """A successor or a reason."""

    reason: Reason | None = None
    successor_id: Identifier | None = None


class ProviderNamed(Shown):
    id: str
    name: str
    kind: ProviderKind


class OfferingInList(Shown):
    """What lists show; the offering itself has its description, coverage, pricing and history."""

    id: str
    version: int
    code: str
    name: str
    kind: Kind
    status: Status
    revision: int
    focus_areas: list[str]
    services: list[str]
    shelf: Shelf | None
    summary: str
    provider: ProviderNamed | None
    authorization: AuthorizationShown | None
    is_free: bool
    vehicles: list[str]
    website: str | None
    source: str | None
    actions: list[Action] = Field(alias="_actions")


class ContentShown(Shown):
    """What a revision pins."""

    name: str
    kind: Kind
    focus_areas: list[str]
    services: list[str]
    shelf: Shelf | None
    summary: str
    description: str
    provider_id: str | None
    fibf_coverage: list[CoverageShown]
    authorization: AuthorizationShown | None
    pricing: str | None
    vehicles: list[str]
    is_free: bool
    lineage: str | None
    website: str | None
    business_functions: list[str]
    standards: list[str]
    price: PriceShown | None
    suits: list[SuitsShown]
    in_production: bool
    onboarding_days: int | None
    hosting: Hosting | None
    interfaces: list[str]
    transactions_per_year: int | None
    promises: list[PromiseShown]
    lessons: list[str]
    depends_on: list[str]
    bundle: list[str]
    migrates_to: str | None
    guide: GuideShown | None
    cost_method: str | None = Field(default=None, description="Federal callers only")
    satisfaction: str | None = Field(default=None, description="Federal callers only")


class OriginShown(Shown):
    """`source`: `hand` for what a person set, else the register or file; `held`: no import changes the field."""

    source: str
    by: str | None
    at: datetime | None
    held: bool


class OfferingShown(ContentShown):
    """`revision` counts what was published or listed; 0 means nothing yet. `origins`: field → where it comes from."""

    id: str
    version: int
    code: str
    status: Status
    revision: int
    provider: ProviderNamed | None
    source: str | None
    reason: str | None
    successor_id: str | None
    origins: dict[str, OriginShown]
    actions: list[Action] = Field(alias="_actions")


class RevisionShown(Shown):
    offering_id: str
    n: int
    recorded_at: datetime
    by: str
    content: ContentShown


class FieldChange(Shown):
    """`material`: whether price, scope or security changed for those who use it."""

    field: str
    old: Any
    new: Any
    material: Material | None


class RevisionDiff(Shown):
    offering_id: str
    from_: int = Field(alias="from")
    to: int
    changes: list[FieldChange]


class OfferingCount(Shown):
    area: str | None
    kind: Kind
    status: Status
    count: int


class OfferingStats(Shown):
    """`total` counts each offering once; in `counts` it occurs once per area."""

    total: int
    counts: list[OfferingCount]


class StateMachines(Shown):
    machines: list[dict[str, object]]


# What pages look like in the OpenAPI document; the bodies themselves are written item by item.
class MarketplacePage(Shown):
    items: list[MarketplaceShown]
    next_cursor: str | None


class ProviderPage(Shown):
    items: list[ProviderShown]
    next_cursor: str | None


class OfferingPage(Shown):
    items: list[OfferingInList]
    next_cursor: str | None


class RevisionPage(Shown):
    items: list[RevisionShown]
    next_cursor: str | None
