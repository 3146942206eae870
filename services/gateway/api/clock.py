"""The clock of test mode."""

from __future__ import annotations

from datetime import timedelta

from fastapi import Response

from services.gateway import schemas
from services.gateway.clock import MovableClock
from services.gateway.context import Gateway
from shared.auth import Unauthenticated
from shared.kernel.errors import Forbidden, NotFound
from shared.web.edge import AtEdge, Edge
from shared.web.routes import Router

_MOVERS = ("coordinator", "omb")
router = Router(tags=["test mode"])


@router.get("/v1/test/clock", response_model=schemas.ClockShown)
async def show_test_clock(at: AtEdge) -> Response:
    """What time it is in test mode (`QSMO-Mode: test`). 404 in live mode, whose time is the world's."""
    return at.show(_shown(_clock(at)))


@router.post("/v1/test/clock", response_model=schemas.ClockShown)
async def move_test_clock(given: schemas.MoveClock, at: AtEdge) -> Response:
    """Let time pass in test mode: whatever comes due on the way is told, step by step; for coordinator and omb.

    Answers when the clock is there. Reminders, ends of terms, stalls and retries of webhooks follow it; tokens do not.
    """
    if at.principal.is_anonymous:
        raise Unauthenticated("Moving the clock needs a bearer token.")
    if not any(at.principal.has(role) for role in _MOVERS):
        raise Forbidden(f"Moving the clock is for the roles: {', '.join(_MOVERS)}.")
    at.ignore_key()
    clock, step = _clock(at), timedelta(seconds=given.step_s)
    steps = clock.steps(given.to, step=step) if at.is_dry_run() else await clock.move(given.to, step=step)
    return at.show(_shown(clock, steps=steps))


def _clock(at: Edge) -> MovableClock:
    """Raises NotFound."""
    gateway: Gateway = at.request.app.state.context
    clock = gateway.connections.clock
    if not isinstance(clock, MovableClock):
        raise NotFound("Only test mode has a clock of its own: send `QSMO-Mode: test` to an installation that has one.")
    return clock


def _shown(clock: MovableClock, *, steps: int = 0) -> schemas.ClockShown:
    return schemas.ClockShown(now=clock(), ahead_s=clock.ahead.total_seconds(), steps=steps)
