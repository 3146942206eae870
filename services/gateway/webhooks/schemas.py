"""Wire models of webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from services.gateway.feed.conditions import condition
from services.gateway.feed.view import Filters
from services.gateway.webhooks.store import Cursor
from services.gateway.webhooks.subscription import MACHINE, Status, Subscription
from shared.auth import Principal
from shared.filtering import FILTER_MAX_CHARS
from shared.kernel.errors import Invalid, Malformed
from shared.web.wire import Action, Identifier, Shown, Slug, Whole, Wire

_SEQ_MAX = (1 << 63) - 1
_EXAMPLE = "https://receiver.example.gov/qsmo"
EventType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=2_000)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=300, strip_whitespace=True)]
FilterText = Annotated[str, StringConstraints(max_length=FILTER_MAX_CHARS)]
Seq = Annotated[int, Field(ge=1, le=_SEQ_MAX), Whole]
After = Annotated[int, Field(ge=0, le=_SEQ_MAX), Whole]


class WebhookFilters(Wire):
    """The parameters of `GET /v1/events`: all that are given must hold."""

    types: list[EventType] = Field(default_factory=list, max_length=20, description="Event types, or beginnings of them")
    focus_area: Slug | None = None
    subject: Identifier | None = None
    agency: Identifier | None = None
    filter: FilterText | None = Field(
        None,
        description="As the parameter `filter` of `GET /v1/events`",
        examples=["source = registry and not focus_area = acquisition"],
    )

    def to_filters(self) -> Filters:
        """Raises Invalid for a `filter` that is none."""
        try:
            if self.filter is not None:
                condition(self.filter)
        except Malformed as err:
            raise Invalid.at("/filters/filter", err.errors[0].detail, code="filter") from err
        given = {"focus_area": self.focus_area, "subject": self.subject, "agency": self.agency, "filter": self.filter}
        return Filters(types=tuple(self.types), **given)


class NewWebhook(Wire):
    """Where to deliver what. What you may not see is never delivered."""

    url: Address = Field(examples=[_EXAMPLE])
    description: Text = ""
    filters: WebhookFilters = Field(default_factory=WebhookFilters)
    after: After | None = Field(None, description="Begin after this seq; at the head if absent")


class WebhookChange(Wire):
    """What is absent stays as it is."""

    url: Address | None = Field(None, examples=[_EXAMPLE])
    description: Text | None = None
    filters: WebhookFilters | None = None


class Resumption(Wire):
    after: After | None = Field(None, description="Go on after this seq; where it stopped if absent")


class Redelivery(Wire):
    seq: Seq


class ReplayRange(Wire):
    from_seq: Seq
    to_seq: Seq


class WebhookShown(Shown):
    """`delivered_seq`: everything up to it has been delivered, or was not for this subscription."""

    id: str
    version: int
    owner: str
    url: str
    description: str
    filters: WebhookFilters
    status: Status
    reason: str | None
    public_key: str = Field(description="Verifies the `v1a` signatures")
    secrets_live: int
    created_at: datetime
    delivered_seq: int
    failures: int
    failing_since: datetime | None
    next_attempt_at: datetime | None
    actions: list[Action] = Field(serialization_alias="_actions")


class SecretShown(Shown):
    """Verifies the `v1` signatures; `good_until` is null for the newest."""

    secret: str
    made_at: datetime
    good_until: datetime | None


class SecretsShown(Shown):
    items: list[SecretShown]


class AttemptShown(Shown):
    """One POST to the receiver: `status` is null when there was no answer."""

    id: str
    message_id: str
    cause: str
    seq: int | None
    attempt: int
    delivered: bool
    status: int | None
    error: str | None
    duration_ms: int
    at: datetime


class AttemptPage(Shown):
    items: list[AttemptShown]
    next_cursor: str | None


class PingShown(Shown):
    message_id: str
    delivered: bool
    status: int | None
    error: str | None
    duration_ms: int


class ReplayShown(Shown):
    """`done_seq`: how far it has come."""

    id: str
    from_seq: int
    to_seq: int
    done_seq: int
    status: str
    detail: str | None
    requested_at: datetime


class ReplaysShown(Shown):
    items: list[ReplayShown]


class WebhookPage(Shown):
    items: list[WebhookShown]
    next_cursor: str | None


def shown(subscription: Subscription, cursor: Cursor, *, by: Principal, at: datetime) -> WebhookShown:
    f = subscription.filters
    return WebhookShown(
        id=subscription.id,
        version=subscription.version,
        owner=subscription.owner,
        url=subscription.url,
        description=subscription.description,
        filters=WebhookFilters(
            types=list(f.types), focus_area=f.focus_area, subject=f.subject, agency=f.agency, filter=f.filter
        ),
        status=subscription.status,
        reason=subscription.reason,
        public_key=subscription.public_key,
        secrets_live=len(subscription.live_secrets(at)),
        created_at=subscription.created_at,
        delivered_seq=cursor.seq,
        failures=cursor.attempt,
        failing_since=cursor.failing_since,
        next_attempt_at=cursor.next_attempt_at,
        actions=_actions(subscription, by),
    )


def _actions(subscription: Subscription, by: Principal) -> list[Action]:
    is_owner = subscription.owner == by.actor
    offered = {"pause": is_owner or by.has("coordinator"), "resume": is_owner, "rotate-secret": is_owner, "ping": is_owner}
    return [_action(name, subscription) for name, mine in offered.items() if mine]


def _action(name: str, subscription: Subscription) -> Action:
    missing = _missing(name, subscription)
    return Action(action=name, href=f"/v1/webhooks/{subscription.id}/{name}", possible=not missing, missing=missing)


def _missing(action: str, subscription: Subscription) -> list[str]:
    if action in {"pause", "resume"} and action not in MACHINE.allowed(subscription.status):
        return [f"the webhook is {subscription.status.value}"]
    return []
