"""A collector of traces as OpenTelemetry's exporters see one: it takes OTLP over HTTP, and keeps what it got."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One as it came. `parent_id` is empty where there is none."""

    trace_id: str
    id: str
    parent_id: str
    name: str
    kind: int
    service: str
    attributes: dict[str, str]
    started_ns: int
    ended_ns: int
    has_failed: bool


@dataclass
class Collector:
    """What has come so far."""

    url: str
    spans: list[Span] = field(default_factory=list)

    def of(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def way_to(self, span: Span) -> list[str]:
        """Each step from the beginning of its trace, `service: name`; a span that has not come ends it."""
        by_id = {each.id: each for each in self.of(span.trace_id)}
        above = by_id.get(span.parent_id)
        return [*(self.way_to(above) if above else ()), f"{span.service}: {span.name}"]

    async def eventually(self, wanted: Callable[[Collector], bool], *, within_s: float = 20) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not wanted(self):
                    await asyncio.sleep(0.1)
        except TimeoutError as err:
            seen = "\n".join(" > ".join(self.way_to(span)) for span in self.spans[-40:])
            raise AssertionError(f"It has not come; the last are\n{seen}") from err


@contextmanager
def a_collector() -> Iterator[Collector]:
    spans: list[Span] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            spans.extend(_spans(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Collector(f"http://127.0.0.1:{server.server_port}", spans)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _spans(body: bytes) -> Iterator[Span]:
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _texts(of_resource.resource.attributes)["service.name"]
        for of_scope in of_resource.scope_spans:
            yield from (_span(service, span) for span in of_scope.spans)


def _span(service: str, span: Any) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=span.kind,
        service=service,
        attributes=_texts(span.attributes),
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        has_failed=span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _texts(attributes: Any) -> dict[str, str]:
    return {each.key: str(getattr(each.value, each.value.WhichOneof("value"))) for each in attributes}
