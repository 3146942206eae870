"""What an offering says of itself: the part that revisions pin and that can be compared field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.catalog.domain.price import Price


class Kind(StrEnum):
    """What is offered."""

    SERVICE = "service"
    COMMERCIAL_PRODUCT = "commercial_product"
    TOOL = "tool"
    BEST_PRACTICE = "best_practice"
    CONTRACT_SUPPORT = "contract_support"


class Shelf(StrEnum):
    """How binding the marketplace is. Source: the grants marketplace's three shelves."""

    MANDATED = "mandated"
    RECOMMENDED = "recommended"
    OPTIONAL = "optional"


class CoverageLevel(StrEnum):
    """The provider's answer per activity. Source: M3, Business Needs Workbook."""

    YES = "yes"
    YES_BY_GO_LIVE = "yes_by_go_live"
    NO = "no"


class Material(StrEnum):
    """Why a change may matter to those who use the offering."""

    PRICE = "price"
    SCOPE = "scope"
    SECURITY = "security"


class Hosting(StrEnum):
    """Where it runs."""

    FEDERAL = "federal"
    COMMERCIAL = "commercial"


class Dimension(StrEnum):
    """What the readiness of an agency is assessed in. Source: M3, readiness assessment."""

    FINANCE = "finance"
    CUSTOMER = "customer"
    OPERATIONS = "operations"
    TECHNOLOGY = "technology"
    ORGANIZATION = "organization"
    WORKFORCE = "workforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """One FIBF activity or capability and how far it is covered; `assessor`: who checked the provider's answer."""

    fibf_id: str
    coverage: CoverageLevel
    comment: str | None = None
    evidence: str | None = None
    assessor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suits:
    """The agencies it suits: their readiness in one dimension (1 to 5); `most` is None where more does no harm."""

    dimension: Dimension
    least: int
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A service measure and the target it is provided at; `measure_id` is an item of a standard."""

    measure_id: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """The text of a best practice or tool: how it is done, what comes of it, which standards it applies."""

    body: str = ""
    steps: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    standards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A FedRAMP authorization or one like it; words in lower case with underscores (`in_process`, `li_saas`)."""

    fedramp_id: str | None = None
    status: str
    kind: str | None = None
    impact_level: str | None = None
    service_models: tuple[str, ...] = ()
    deployment_model: str | None = None
    ready_on: date | None = None
    in_process_on: date | None = None
    authorized_on: date | None = None
    expires_on: date | None = None
    annual_assessment: str | None = None
    partnering_agency: str | None = None
    assessor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """`vehicles` are the numbers under which it can be ordered; `lineage` the programs it comes from.

    `standards` are ids of the standards that apply; `depends_on`, `bundle` and `migrates_to` codes of other offerings.
    `transactions_per_year`: as many as it carries.
    """

    name: str
    kind: Kind
    focus_areas: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    shelf: Shelf | None = None
    summary: str = ""
    description: str = ""
    provider_id: str | None = None
    fibf_coverage: tuple[Coverage, ...] = ()
    authorization: Authorization | None = None
    pricing: str | None = None
    vehicles: tuple[str, ...] = ()
    is_free: bool = False
    lineage: str | None = None
    website: str | None = None
    business_functions: tuple[str, ...] = ()
    standards: tuple[str, ...] = ()
    price: Price | None = None
    suits: tuple[Suits, ...] = ()
    in_production: bool = False
    onboarding_days: int | None = None
    hosting: Hosting | None = None
    interfaces: tuple[str, ...] = ()
    transactions_per_year: int | None = None
    promises: tuple[Promise, ...] = ()
    lessons: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    bundle: tuple[str, ...] = ()
    migrates_to: str | None = None
    guide: Guide | None = None
    cost_method: str | None = None
    satisfaction: str | None = None

    @property
    def covers_something(self) -> bool:
        return any(covered.coverage is not CoverageLevel.NO for covered in self.fibf_coverage)


MATERIAL: Mapping[str, Material] = {
    "pricing": Material.PRICE,
    "vehicles": Material.PRICE,
    "is_free": Material.PRICE,
    "kind": Material.SCOPE,
    "focus_areas": Material.SCOPE,
    "services": Material.SCOPE,
    "shelf": Material.SCOPE,
    "provider_id": Material.SCOPE,
    "fibf_coverage": Material.SCOPE,
    "authorization": Material.SECURITY,
    "price": Material.PRICE,
    "standards": Material.SCOPE,
    "suits": Material.SCOPE,
    "in_production": Material.SCOPE,
    "hosting": Material.SECURITY,
    "interfaces": Material.SCOPE,
    "transactions_per_year": Material.SCOPE,
    "promises": Material.SCOPE,
    "depends_on": Material.SCOPE,
    "bundle": Material.SCOPE,
}

# For signed-in federal callers only, wherever an offering or its revisions are shown. Source: domain-model §3.
FEDERAL_FIELDS = ("cost_method", "satisfaction")


def changed_fields(old: Content, new: Content) -> tuple[str, ...]:
    """Names of the fields that differ, in the order of the content."""
    return tuple(name for name in Content.__slots__ if getattr(old, name) != getattr(new, name))
