"""Offerings as DCAT-US 3: a catalog of services, each with what that standard demands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.catalog.schemas import OfferingShown

_CONTEXT = "https://resources.data.gov/resources/dcat-us/"
_STANDARD = {"@type": "Standard", "@id": "https://resources.data.gov/resources/dcat-us3/", "title": "DCAT-US 3.0"}
_TITLE = "QSMO marketplaces"
_ABOUT = "Services, products, tools and best practices of the Quality Service Management Offices."
_NOBODY = "A provider that is not named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who answers for the catalog. `url`: where the public reaches it; without `email` no contact can be given."""

    url: str
    name: str
    email: str = ""

    @property
    def contacts(self) -> list[dict[str, Any]]:
        return [{"@type": "Kind", "fn": self.name, "hasEmail": f"mailto:{self.email}"}] if self.email else []

    @property
    def agent(self) -> dict[str, Any]:
        return {"@type": "Agent", "name": self.name}


def head(publisher: Publisher, *, area: str | None) -> dict[str, Any]:
    """The catalog without its services. It has one dataset: itself, as tables."""
    of_area = f"area={quote(area)}&" if area else ""
    own = f"{publisher.url}/v1/catalog/export?{of_area}format="
    return {
        "@context": _CONTEXT,
        "@type": "Catalog",
        "@id": f"{own}dcat-us",
        "title": _TITLE,
        "description": _ABOUT,
        "conformsTo": _STANDARD,
        "language": "en",
        "publisher": publisher.agent,
        "contactPoint": publisher.contacts,
        "dataset": [
            {
                "@type": "Dataset",
                "@id": f"{own}ndjson",
                "identifier": f"{own}ndjson",
                "title": f"{_TITLE}: offerings",
                "description": _ABOUT,
                "publisher": publisher.agent,
                "contactPoint": publisher.contacts,
                "distribution": [
                    {"@type": "Distribution", "title": name, "downloadURL": own + name, "mediaType": media_type}
                    for name, media_type in (("ndjson", "application/x-ndjson"), ("csv", "text/csv"))
                ],
            }
        ],
    }


def service(offering: OfferingShown, publisher: Publisher) -> dict[str, Any]:
    page = f"{publisher.url}/offerings/{offering.id}"
    covered = [each.fibf_id for each in offering.fibf_coverage if each.coverage != "no"]
    said = {
        "@type": "DataService",
        "@id": page,
        "identifier": {"@type": "Identifier", "@id": page, "notation": offering.code},
        "title": offering.name,
        "description": offering.summary or offering.description or offering.name,
        "endpointURL": [offering.website or page],
        "publisher": {"@type": "Agent", "name": offering.provider.name if offering.provider else _NOBODY},
        "contactPoint": publisher.contacts,
        "keyword": list(dict.fromkeys([*offering.focus_areas, *offering.business_functions])) or None,
        "theme": [_concept(area) for area in offering.focus_areas] or None,
        "category": _concept(offering.kind),
        "conformsTo": [_standard(id_) for id_ in (*offering.standards, *covered)] or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _concept(label: str) -> dict[str, Any]:
    return {"@type": "Concept", "prefLabel": label}


def _standard(id_: str) -> dict[str, Any]:
    return {"@type": "Standard", "title": id_, "identifier": {"@type": "Identifier", "notation": id_}}
