"""Spans of OpenTelemetry along the way of a fact. Where no collector is named its SDK is not loaded, and a span is nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from shared import telemetry

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

# Whoever stops a process does not wait for a collector that is away.
_FLUSH_S = 0.5
_NOTHING: Mapping[str, str] = {}
# What the task at hand works on: traceparent it came with → that of the span which it belongs to now.
_continued: ContextVar[Mapping[str, str]] = ContextVar("continued", default=_NOTHING)


class _Process:
    tracer: trace.Tracer | None = None


def is_on() -> bool:
    return _Process.tracer is not None


@asynccontextmanager
async def exporting(service: str, *, endpoint: str, instance: str = "") -> AsyncIterator[None]:
    """Spans of this process go to `endpoint`, by OTLP over HTTP, until the block ends; nowhere when it is empty.

    What else there is to say (sampling, headers, certificates) the SDK reads from the variables that begin with `OTEL_`.
    """
    if not endpoint:
        yield
        return
    provider = await asyncio.to_thread(_provider, service, endpoint, instance)
    _Process.tracer = provider.get_tracer("qsmo")
    try:
        yield
    finally:
        _Process.tracer = None
        await asyncio.to_thread(_end, provider)


def _provider(service: str, endpoint: str, instance: str) -> TracerProvider:
    # Who is not traced never pays for these.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    who = {"service.namespace": "qsmo", "service.name": service, "service.instance.id": instance or service}
    provider = TracerProvider(resource=Resource.create(who), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")))
    return provider


def _end(provider: TracerProvider) -> None:
    """Exports what waits. In a thread of its own: the SDK's deadline is 30 s, and its own for a flush counts for nothing.

    https://github.com/open-telemetry/opentelemetry-python/issues/4568
    """
    ending = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
    ending.start()
    ending.join(_FLUSH_S)


class Span:
    """A step. What is done inside the block belongs to it, log lines and outgoing calls too."""

    __slots__ = ("_before", "_span", "traceparent")

    def __init__(self, span: trace.Span | None) -> None:
        self._span = span
        # None where nothing is traced.
        self.traceparent = None if span is None else _traceparent_of(span)

    def __enter__(self) -> Self:
        if self._span is not None:
            self._before = telemetry.traceparent()
            telemetry.continue_trace(self.traceparent)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        if self._span is not None:
            telemetry.continue_trace(self._before)
            _ended(self._span, error)

    def answered(self, method: str, route: str, status: int) -> None:
        """What is known of a request when it is over."""
        if self._span is None:
            return
        self._span.update_name(f"{method} {route}")
        self._span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)


_NO_SPAN = Span(None)


def span(name: str, *, kind: SpanKind = SpanKind.INTERNAL, parent: str | None = None, **attributes: str | int) -> Span:
    """For `with`. `parent`: a traceparent; that of the request at hand if absent. Attributes are named below `qsmo.`."""
    tracer = _Process.tracer
    return _NO_SPAN if tracer is None else Span(_begun(tracer, name, kind, parent or telemetry.traceparent(), attributes))


@contextmanager
def each(
    name: str, parents: Iterable[str | None], *, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int
) -> Iterator[Mapping[str, str]]:
    """A span for each trace that work on a batch continues: traceparent it came with → that of its span.

    A span begun inside that continues one of them belongs to it.
    """
    tracer = _Process.tracer
    if tracer is None:
        yield _NOTHING
        return
    begun = {parent: _begun(tracer, name, kind, parent, attributes) for parent in dict.fromkeys(parents) if parent}
    own = {parent: _traceparent_of(one) for parent, one in begun.items()}
    before = _continued.get()
    _continued.set({**before, **own})
    error: BaseException | None = None
    try:
        yield own
    except BaseException as raised:
        error = raised
        raise
    finally:
        _continued.set(before)
        for one in begun.values():
            _ended(one, error)


def _begun(
    tracer: trace.Tracer, name: str, kind: SpanKind, parent: str | None, attributes: Mapping[str, str | int]
) -> trace.Span:
    named = {f"qsmo.{key}": value for key, value in attributes.items()}
    return tracer.start_span(name, context=_context_of(parent), kind=kind, attributes=named)


def _context_of(parent: str | None) -> Context:
    if parent is None:
        return Context()
    _, trace_id, span_id, flags = _continued.get().get(parent, parent).split("-")
    above = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return trace.set_span_in_context(NonRecordingSpan(above), Context())


def _ended(span: trace.Span, error: BaseException | None) -> None:
    if error is not None:
        span.set_status(StatusCode.ERROR, repr(error))
    span.end()


def _traceparent_of(span: trace.Span) -> str:
    made = span.get_span_context()
    return f"00-{made.trace_id:032x}-{made.span_id:016x}-{made.trace_flags:02x}"
