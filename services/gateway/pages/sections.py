"""What each page is made of, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote

_MANY = 200
_SOME = 50
_AHEAD_DAYS = 180


@dataclass(frozen=True, slots=True)
class Section:
    """One question to one service. In `path`, `{id}` is the page's own, `{today}` a day, `{ahead}` the last that is near it."""

    name: str
    service: str
    path: str

    def target(self, id: str, *, on: date) -> bytes:
        path = self.path.replace("{today}", on.isoformat()).replace("{ahead}", (on + timedelta(days=_AHEAD_DAYS)).isoformat())
        return path.replace("{id}", quote(id, safe="")).encode()


def _ending(path: str, field: str, *also: str) -> str:
    """A list of what ends soon by this field."""
    condition = " and ".join((f"{field} >= {{today}}", f"{field} <= {{ahead}}", *also))
    return f"{path}&filter={quote(condition, safe='{}')}&limit={_SOME}"


@dataclass(frozen=True, slots=True)
class PageKind:
    """The first section is the page's subject: without it there is no such page."""

    name: str
    sections: tuple[Section, ...]


AREA = PageKind(
    "area",
    (
        Section("area", "registry", "/v1/focus-areas/{id}"),
        Section("designations", "registry", f"/v1/designations?area={{id}}&limit={_MANY}"),
        Section("plans", "registry", f"/v1/plans?area={{id}}&limit={_SOME}"),
        Section("marketplace", "catalog", "/v1/marketplaces/{id}"),
        Section("offerings", "catalog", f"/v1/offerings?area={{id}}&limit={_SOME}"),
        Section("adoptions", "adoption", f"/v1/adoptions?area={{id}}&limit={_SOME}"),
        Section("stalled", "adoption", f"/v1/adoptions?area={{id}}&stalled=true&limit={_SOME}"),
    ),
)
AGENCY = PageKind(
    "agency",
    (
        Section("organization", "registry", "/v1/organizations/{id}"),
        Section("designations", "registry", f"/v1/designations?organization_id={{id}}&limit={_MANY}"),
        Section("hosted_plans", "registry", f"/v1/plans?host={{id}}&limit={_SOME}"),
        Section("portfolio", "adoption", f"/v1/agencies/{{id}}/adoptions?limit={_MANY}"),
        Section("stalled", "adoption", f"/v1/agencies/{{id}}/adoptions?stalled=true&limit={_SOME}"),
        Section("adoption_states", "adoption", "/v1/agencies/{id}/adoption-states"),
        Section("next_steps", "adoption", "/v1/agencies/{id}/next-steps"),
        Section("expiring", "adoption", f"/v1/agreements?agency_id={{id}}&ending_within_days={_AHEAD_DAYS}&limit={_SOME}"),
        Section("expiring_iaps", "adoption", _ending("/v1/iaps?agency_id={id}", "expires_on", "status = approved")),
        Section("expiring_authorizations", "catalog", _ending("/v1/offerings?used_by={id}", "authorization_expires_on")),
        Section("expiring_vehicles", "catalog", _ending("/v1/vehicles?used_by={id}", "ordering_to")),
        Section("iaps", "adoption", f"/v1/iaps?agency_id={{id}}&limit={_SOME}"),
        Section("savings", "adoption", "/v1/savings/sums?by=fiscal_year&agency_id={id}"),
    ),
)
OFFERING = PageKind(
    "offering",
    (
        Section("offering", "catalog", "/v1/offerings/{id}"),
        Section("revisions", "catalog", f"/v1/offerings/{{id}}/revisions?limit={_SOME}"),
        Section("adoptions", "adoption", f"/v1/adoptions?offering_id={{id}}&limit={_MANY}"),
        Section("how_to_buy", "catalog", "/v1/offerings/{id}/how-to-buy"),
        Section("feedback", "adoption", f"/v1/feedback?offering_id={{id}}&limit={_SOME}"),
        Section("fits", "adoption", "/v1/fits/{id}"),
    ),
)
KINDS = {kind.name: kind for kind in (AREA, AGENCY, OFFERING)}
