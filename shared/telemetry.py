"""Structured logs with the ids of the request at hand, and the metrics every service exposes."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import orjson
import structlog
from prometheus_client import Counter, Gauge, Histogram

_correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)

HTTP_SECONDS = Histogram("qsmo_http_request_duration_seconds", "Time to answer", ["service", "method", "route", "status"])
OUTBOX_PENDING = Gauge("qsmo_outbox_pending_events", "Facts recorded and not yet published", ["service"])
OUTBOX_AGE = Gauge("qsmo_outbox_oldest_age_seconds", "Age of the oldest unpublished fact", ["service"])
PUBLISHED = Counter("qsmo_outbox_published_events", "Facts published to the bus", ["service"])
CONSUMED = Counter("qsmo_inbox_consumed_events", "Events by outcome: applied, duplicate, parked", ["consumer", "outcome"])
PARKED = Gauge("qsmo_inbox_parked_events", "Events parked behind a poison one", ["consumer"])
LAG = Gauge("qsmo_inbox_lag_events", "Records not yet read by this member", ["consumer"])
LAG_AGE = Gauge(
    "qsmo_inbox_lag_seconds", "For how long the oldest fact that waits has waited, or since when none can be read", ["consumer"]
)
POOL = Gauge("qsmo_database_connections_in_use", "Connections of the pool that are taken", ["service"])
WEBHOOK_FAILING = Gauge("qsmo_webhook_failing_seconds", "For how long the webhook that fails longest has failed")
LOOP_UP = Gauge("qsmo_background_loop_up_bool", "1 while the named loop runs", ["service", "loop"])
FEED_HEAD = Gauge("qsmo_feed_head_seq", "Highest seq of the feed")
SSE_CLIENTS = Gauge("qsmo_sse_clients_connections", "Open event streams")


def bind(*, correlation_id: str | None, traceparent: str | None) -> None:
    """Ids for every log line and outgoing call of the current task."""
    _correlation_id.set(correlation_id)
    _traceparent.set(traceparent)


def continue_trace(traceparent: str | None) -> None:
    """The ids of another step for what follows in the current task."""
    _traceparent.set(traceparent)


def correlation_id() -> str | None:
    return _correlation_id.get()


def traceparent() -> str | None:
    return _traceparent.get()


def _add_ids(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if (value := _correlation_id.get()) is not None:
        event.setdefault("correlation_id", value)
    if (value := _traceparent.get()) is not None:
        event.setdefault("trace_id", value.split("-")[1])
    return event


def _to_json(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def configure_logging(*, level: str = "INFO", json: bool = True) -> None:
    """One line per event on standard error, those of libraries too: JSON for machines, plain for a terminal."""
    numeric = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = structlog.processors.JSONRenderer(_to_json) if json else structlog.dev.ConsoleRenderer(colors=False)
    said: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), _add_ids]
    shown: list[Any] = [structlog.processors.format_exc_info, renderer]
    structlog.configure(
        processors=[*said, *shown],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    of_others = [structlog.stdlib.add_logger_name, *said]
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=of_others, processors=[without_meta, *shown]))
    logging.basicConfig(level=max(numeric, logging.WARNING), handlers=[handler])
    # The server's would be lines of another shape.
    server = logging.getLogger("uvicorn")
    server.handlers.clear()
    server.propagate = True


def logger(name: str) -> Any:
    return structlog.get_logger(component=name)
