"""What every service is told by its environment; nothing else decides how it runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from shared.auth import AUDIENCE

SECRETS_DIR = "QSMO_SECRETS_DIR"


class ServiceSettings(BaseSettings):
    """Read from variables with the service's prefix, e.g. `QSMO_REGISTRY_DATABASE_URL`.

    What is secret may stand in a file of that name, in lower case, in the folder `QSMO_SECRETS_DIR`; a variable wins.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr = Field(description="SQLAlchemy URL: postgresql+asyncpg://… or sqlite+aiosqlite:///…")
    database_pool: int = Field(10, ge=2, le=200, description="Connections of one process at most")
    bus_url: str = Field("", description="kafka://host:port[,host:port…] (cluster)")
    bus_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field("PLAINTEXT", description="How to reach it")
    bus_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL: how to say who"
    )
    bus_username: str = Field("", description="SASL: who")
    bus_password: SecretStr = Field(SecretStr(""), description="SASL: its password; secret")
    bus_ca_file: Path | None = Field(None, description="TLS: whom to trust (PEM); the system's authorities if absent")
    bus_certificate_file: Path | None = Field(None, description="TLS: the client's certificate (PEM)")
    bus_key_file: Path | None = Field(None, description="TLS: its key (PEM)")
    partitions: int = Field(6, ge=1, le=1_000, description="Partitions of topics that this service creates")
    issuer: str = Field("", description="`iss` of the tokens to accept")
    audience: str = Field(AUDIENCE, description="`aud` of the tokens to accept")
    jwks_url: str = Field("", description="Where the issuer publishes its keys")
    gateway_jwks_url: str = Field("", description="Where the gateway publishes the keys of tokens it makes for API keys")
    migrate: bool = Field(default=False, description="Bring the schema up to date at start (else `qsmo migrate` does)")
    member: str = Field(default_factory=socket.gethostname, description="Stable name of this replica in consumer groups")
    drain_s: float = Field(5, ge=0, le=300, description="After SIGTERM: how long to serve on while proxies turn away")
    otlp_endpoint: str = Field(
        default_factory=lambda: os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        description="Where spans go by OTLP over HTTP, e.g. http://collector:4318; empty: none are made",
    )
    role: Literal["api", "worker", "all"] = Field(
        "all", description="api: answers requests only; worker: relay, consumers and looks only, with /readyz and /metrics"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @model_validator(mode="after")
    def _can_say_who(self) -> Self:
        if self.bus_protocol.startswith("SASL") and not (self.bus_username and self.bus_password.get_secret_value()):
            raise ValueError(f"BUS_PROTOCOL {self.bus_protocol} needs BUS_USERNAME and BUS_PASSWORD")
        return self

    @property
    def answers(self) -> bool:
        """Whether this process has the API."""
        return self.role != "worker"

    @property
    def works(self) -> bool:
        """Whether this process does what nobody asks for: publishing, consuming, looking for what is due."""
        return self.role != "api"

    def current(self, name: str) -> str:
        """A secret as its file has it now, which may have been rotated since the start; else as it was given."""
        variable = f"{self.model_config.get('env_prefix', '')}{name.upper()}"
        folder = os.environ.get(SECRETS_DIR)
        file = Path(folder) / variable.lower() if folder and variable not in os.environ else None
        given: SecretStr = getattr(self, name)
        found = file.read_text().strip() if file and file.is_file() else given.get_secret_value()
        return _by_asyncpg(found) if name == "database_url" else found

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        folder = os.environ.get(SECRETS_DIR)
        files = (SecretsSettingsSource(settings_cls, secrets_dir=folder),) if folder else ()
        return (init_settings, env_settings, *files)


def database_url_of(service: str) -> str | None:
    """What the service's environment, or its secrets folder, gives as its database; None when neither does."""
    name = f"QSMO_{service.upper()}_DATABASE_URL"
    if (given := os.environ.get(name)) is not None:
        return _by_asyncpg(given)
    folder = os.environ.get(SECRETS_DIR)
    file = Path(folder) / name.lower() if folder else None
    return _by_asyncpg(file.read_text().strip()) if file and file.is_file() else None


def _by_asyncpg(url: str) -> str:
    """URLs as PostgreSQL's own tools, and operators, write them name no driver."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+asyncpg{separator}{rest}" if scheme in {"postgresql", "postgres"} else url
