"""The catalog's read side: one async function per question."""

from services.catalog.queries.marketplaces import (
    MarketplaceView,
    marketplace,
    marketplaces,
    organization_names,
    provider_names,
    providers,
)
from services.catalog.queries.offerings import (
    OfferingFilter,
    OfferingView,
    all_viewed,
    offering,
    offering_by_key,
    offering_counts,
    offering_total,
    offerings,
    revision,
    revisions,
    seen,
    viewed,
)

__all__ = [
    "MarketplaceView",
    "OfferingFilter",
    "OfferingView",
    "all_viewed",
    "marketplace",
    "marketplaces",
    "offering",
    "offering_by_key",
    "offering_counts",
    "offering_total",
    "offerings",
    "organization_names",
    "provider_names",
    "providers",
    "revision",
    "revisions",
    "seen",
    "viewed",
]
