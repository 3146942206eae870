"""Wire models of API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from services.gateway.keys.key import ApiKey, Scope, Status
from shared.web.wire import Line, Shown, Whole, Wire

_DAYS_MAX = 366
RoleClaim = Annotated[str, StringConstraints(pattern=r"^[a-z]+(:[A-Za-z0-9._-]+){0,2}$", max_length=120)]


class NewApiKey(Wire):
    """`scopes` say where it counts; `roles` which of yours it has, all if absent."""

    name: Line
    scopes: list[Scope] = Field(min_length=1, max_length=20, examples=[["all:read"]])
    roles: list[RoleClaim] | None = Field(None, max_length=50)
    lifetime_days: Annotated[int, Field(ge=1, le=_DAYS_MAX), Whole] = 365


class ApiKeyShown(Shown):
    """`secret` is shown once, in the answer that made it; null ever after, also when that answer is replayed."""

    id: str
    version: int
    owner: str
    name: str
    roles: list[str]
    scopes: list[str]
    status: Status
    created_at: datetime
    expires_at: datetime
    secret: str | None = None


class ApiKeyPage(Shown):
    items: list[ApiKeyShown]
    next_cursor: str | None


def shown(key: ApiKey) -> ApiKeyShown:
    return ApiKeyShown(
        id=key.id,
        version=key.version,
        owner=key.owner,
        name=key.name,
        roles=list(key.roles),
        scopes=list(key.scopes),
        status=key.status,
        created_at=key.created_at,
        expires_at=key.expires_at,
    )
