"""Which lists can be taken home."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """A list of one service. `facts` tell of changes to its items, each of which is to be had by the facts' subject at
    `path/{id}`; None where that is not so.
    """

    service: str
    path: str
    facts: str | None
    takes_as_of: bool = False
    is_paged: bool = True


def _of(service: str, name: str, facts: str | None, **more: bool) -> tuple[str, Resource]:
    return name, Resource(service, f"/v1/{name}", facts and f"qsmo.{service}.{facts}", **more)


# Every list that can be asked for without naming something else first, but for work under way (parked rows) and what is worked
# out from others (searches, figures).
RESOURCES = dict(
    (
        _of("registry", "policies", "policy"),
        _of("registry", "focus-areas", "focus_area"),
        _of("registry", "organizations", "organization", takes_as_of=True),
        _of("registry", "designations", "designation", takes_as_of=True),
        _of("registry", "plans", "plan", takes_as_of=True),
        _of("registry", "posts", "post", takes_as_of=True),
        _of("registry", "vacancies", None),
        _of("registry", "board-seats", "board_seat"),
        _of("registry", "match-reviews", "match_review"),
        _of("catalog", "marketplaces", "marketplace"),
        _of("catalog", "providers", "provider"),
        _of("catalog", "vehicles", "vehicle"),
        _of("catalog", "offerings", "offering"),
        _of("catalog", "standards", "standard"),
        ("measures", Resource("catalog", "/v1/standards/measures", None)),
        _of("catalog", "function-mappings", "mapping", is_paged=False),
        _of("adoption", "adoptions", "adoption", takes_as_of=True),
        _of("adoption", "needs", "needs"),
        _of("adoption", "shortlists", "shortlist"),
        _of("adoption", "agreements", "agreement"),
        _of("adoption", "systems", "system"),
        _of("adoption", "savings", None),
        _of("adoption", "iaps", "iap"),
        _of("adoption", "iap-thresholds", None, is_paged=False),
        _of("adoption", "slas", "sla"),
        _of("adoption", "feedback", "feedback"),
        _of("adoption", "findings", "finding"),
        _of("adoption", "annual-plans", "annual_plan"),
        _of("adoption", "provider-cases", "provider_case"),
    )
)
