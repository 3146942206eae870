"""Facts of the gateway: who is told by webhook, and which systems hold keys."""

from __future__ import annotations

from datetime import datetime

from shared.contracts.fact import Fact, Visibility


class GatewayFact(Fact):
    """Nobody's business but the owner's and that of those who watch over the platform."""

    def visibility_level(self) -> Visibility:
        return Visibility.RESTRICTED


class WebhookFact(GatewayFact):
    """A subscription as it is after the change; of its address only the host, as the rest may be secret."""

    webhook_id: str
    owner: str
    host: str
    status: str
    reason: str | None = None


class WebhookCreated(WebhookFact, type="gateway.webhook.created"):
    pass


class WebhookChanged(WebhookFact, type="gateway.webhook.changed"):
    pass


class WebhookPaused(WebhookFact, type="gateway.webhook.paused"):
    pass


class WebhookResumed(WebhookFact, type="gateway.webhook.resumed"):
    """`after` is the seq delivery goes on from."""

    after: int


class WebhookSecretRotated(WebhookFact, type="gateway.webhook.secret_rotated"):
    """The secret before is good until `overlap_until`."""

    overlap_until: datetime


class WebhookDisabled(WebhookFact, type="gateway.webhook.disabled"):
    """By the platform: the receiver said 410, or failed for too long. Nothing after `after` was delivered."""

    after: int


class WebhookDeleted(WebhookFact, type="gateway.webhook.deleted"):
    pass


class ApiKeyFact(GatewayFact):
    """A key as it is after the change; never the key itself."""

    api_key_id: str
    owner: str
    name: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    status: str
    expires_at: datetime


class ApiKeyCreated(ApiKeyFact, type="gateway.api_key.created"):
    pass


class ApiKeyRotated(ApiKeyFact, type="gateway.api_key.rotated"):
    """The secret before is good until `overlap_until`."""

    overlap_until: datetime


class ApiKeyRevoked(ApiKeyFact, type="gateway.api_key.revoked"):
    pass
