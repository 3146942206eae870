"""Writes the API document of all services into docs: `make schemas`. What is made from it (examples, links) is left out."""

from __future__ import annotations

from pathlib import Path

import orjson
from pydantic import SecretStr

from services.adoption.app import create_app as adoption_app
from services.adoption.config import Settings as AdoptionSettings
from services.catalog.app import create_app as catalog_app
from services.catalog.config import Settings as CatalogSettings
from services.gateway.app import create_app as gateway_app
from services.gateway.config import Settings as GatewaySettings
from services.gateway.documents import merged_document
from services.registry.app import create_app as registry_app
from services.registry.config import Settings as RegistrySettings

FILE = Path(__file__).parents[1] / "docs" / "openapi.json"
_NOWHERE = "sqlite+aiosqlite://"


def text() -> bytes:
    """Of applications that are made, and never started."""
    owners = {
        "registry": registry_app(RegistrySettings(database_url=_NOWHERE)),
        "catalog": catalog_app(CatalogSettings(database_url=_NOWHERE)),
        "adoption": adoption_app(AdoptionSettings(database_url=_NOWHERE)),
    }
    gateway = gateway_app(GatewaySettings(database_url=_NOWHERE, signing_key=SecretStr("")))
    document = merged_document(gateway.openapi(), {name: app.openapi() for name, app in owners.items()})
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    FILE.write_bytes(text())
