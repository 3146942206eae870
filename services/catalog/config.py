"""Settings of the catalog."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Variables begin with `QSMO_CATALOG_`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="QSMO_CATALOG_")

    public_url: str = Field("http://127.0.0.1:8080", pattern=r"^https?://\S+$", description="Where the gateway is reached")
    contact_name: str = Field("QSMO Marketplace Platform", min_length=1, description="Who answers for the exported catalog")
    contact_email: str = Field("", pattern=r"^$|^[\w.+-]+@[\w-]+(\.[\w-]+)+$", description="Its address; harvesters demand one")
