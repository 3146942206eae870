"""Settings of the catalog."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Variables begin with `QSMO_CATALOG_`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="QSMO_CATALOG_")
