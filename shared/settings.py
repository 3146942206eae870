"""What every service is told by its environment; nothing else decides how it runs."""

from __future__ import annotations

import socket

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.auth import AUDIENCE


class ServiceSettings(BaseSettings):
    """Read from variables with the service's prefix, e.g. `QSMO_REGISTRY_DATABASE_URL`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr = Field(description="SQLAlchemy URL: postgresql+asyncpg://… or sqlite+aiosqlite:///…")
    database_pool: int = Field(10, ge=2, le=200, description="Connections of one process at most")
    bus_url: str = Field("", description="kafka://host:port[,host:port…] (cluster)")
    partitions: int = Field(6, ge=1, le=1_000, description="Partitions of topics that this service creates")
    issuer: str = Field("", description="`iss` of the tokens to accept")
    audience: str = Field(AUDIENCE, description="`aud` of the tokens to accept")
    jwks_url: str = Field("", description="Where the issuer publishes its keys")
    migrate: bool = Field(default=False, description="Bring the schema up to date at start (else `qsmo migrate` does)")
    member: str = Field(default_factory=socket.gethostname, description="Stable name of this replica in consumer groups")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
