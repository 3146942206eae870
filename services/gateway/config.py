"""Settings of the gateway."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Self

from pydantic import Field, SecretStr, model_validator
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
    circuit_failures: int = Field(5, ge=1, description="A service that fails so often in a row is left alone for a moment")
    circuit_open_s: float = Field(1.0, ge=0, description="… for so long")
    page_fresh_s: float = Field(5.0, ge=0, description="Composed pages and answers are kept so long at most; 0: not at all")
    pages_max: int = Field(1_000, ge=1, description="Composed pages kept in memory at most")
    answers_bytes_max: int = Field(32 << 20, ge=0, description="Bytes of services' answers kept in memory at most; 0: none")
    official_site: bool = Field(default=False, description="Whether pages say that this is an official .gov website")
    public_url: str = Field("", description="Where people reach the pages, e.g. https://qsmo.example.gov; for signing in")
    oidc_client_id: str = Field("", description="This installation at the issuer; empty: nobody signs in at the pages")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Its secret; empty for a public client")
    oidc_scope: str = Field("openid", description="What is asked of the issuer")
    oidc_resource: str = Field("", description="RFC 8707: for what the access token is asked, where the issuer wants it")
    stream_slow_s: float = Field(30.0, gt=0, description="An event stream whose client takes nothing for so long is cut")
    stream_rotation_s: float = Field(600.0, gt=0, description="Event streams end after about this long and are resumed")
    rate_per_s: float = Field(200.0, ge=0, description="Requests a second of a caller who is signed in, lasting; 0: no limit")
    rate_burst: int = Field(2_000, ge=1, description="… and at once")
    rate_anonymous_per_s: float = Field(50.0, ge=0, description="Requests a second from an address, lasting; 0: no limit")
    rate_anonymous_burst: int = Field(500, ge=1, description="… and at once")
    requests_max: int = Field(512, ge=1, description="Requests under way in one process at most; more are told to come again")
    streams_max: int = Field(20_000, ge=1, description="Event streams and long polls of one process at most")
    streams_per_caller: int = Field(100, ge=1, description="Event streams and long polls of one caller at most")
    signing_key: SecretStr = Field(
        SecretStr(""), description="32 random bytes in base64: signs checkpoints and tokens, seals webhook secrets; secret"
    )
    checkpoint_every_s: float = Field(86_400.0, gt=0, description="An event is covered by a signed checkpoint after so long")
    checkpoint_poll_s: float = Field(60.0, gt=0, description="How often it is looked whether a checkpoint is due")
    api_keys_per_owner: int = Field(20, ge=1, le=10_000, description="Live API keys of one owner at most")
    api_key_overlap_s: float = Field(86_400.0, ge=0, description="How long a key's secret is good after its successor was made")
    webhook_allow_http: bool = Field(default=False, description="Plain http for webhooks: for development only")
    webhook_allowed_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="JSON list of networks that webhooks may reach although they are not public"
    )
    webhooks_per_owner: int = Field(50, ge=1, le=10_000, description="Subscriptions of one owner at most")
    webhook_timeout_s: float = Field(15.0, gt=0, le=60, description="A receiver that takes longer has not received")
    webhook_concurrency: int = Field(64, ge=1, le=1_000, description="Webhook deliveries under way at once")
    webhook_poll_s: float = Field(1.0, gt=0, le=60, description="How often due webhook retries are looked for")
    webhook_overlap_s: float = Field(86_400.0, ge=0, description="How long a secret is good after its successor was made")
    webhook_disable_after_s: float = Field(432_000.0, gt=0, description="A webhook that fails for so long is disabled")
    webhook_log_days: int = Field(30, ge=1, le=3_650, description="How long the delivery log is kept")

    @property
    def is_secure(self) -> bool:
        """Whether people come over HTTPS: their cookies then go over nothing else."""
        return self.public_url.startswith("https://")

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        if self.oidc_client_id and not (self.public_url and self.issuer):
            raise ValueError("OIDC_CLIENT_ID needs PUBLIC_URL and ISSUER")
        return self

    def upstream_url(self, service: str) -> str:
        return {"registry": self.registry_url, "catalog": self.catalog_url, "adoption": self.adoption_url}[service]
