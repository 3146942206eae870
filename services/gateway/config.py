"""Settings of the gateway."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Variables begin with `QSMO_GATEWAY_`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="QSMO_GATEWAY_")

    registry_url: str = Field("", description="http://host:port of the registry (cluster)")
    catalog_url: str = Field("", description="http://host:port of the catalog (cluster)")
    adoption_url: str = Field("", description="http://host:port of adoption (cluster)")
    upstream_deadline_s: float = Field(10.0, gt=0, le=120, description="A service that is silent for longer counts as away")
    compose_deadline_s: float = Field(3.0, gt=0, le=60, description="Composed reads go without a section that takes longer")
    stream_rotation_s: float = Field(600.0, gt=0, description="Event streams end after about this long and are resumed")

    def upstream_url(self, service: str) -> str:
        return {"registry": self.registry_url, "catalog": self.catalog_url, "adoption": self.adoption_url}[service]
