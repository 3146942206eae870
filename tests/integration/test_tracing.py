"""Spans to a collector of the test's own; what they cost when there is none."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from shared import telemetry, tracing
from tests.support.collector import Collector, a_collector
from tests.support.servers import free_port

_FIRST, _SECOND = (f"00-{digit * 32}-{digit * 16}-01" for digit in "12")


async def seen_after(work: Callable[[], None]) -> Collector:
    """What comes of work done while spans are exported; all of it has come when the block ends."""
    with a_collector() as collector:
        async with tracing.exporting("a-test", endpoint=collector.url):
            work()
    return collector


async def test_a_batch_has_one_span_for_each_trace_and_what_is_begun_in_it_continues_that() -> None:
    def work() -> None:
        with (
            tracing.each("process", [_FIRST, _SECOND, _FIRST, None]),
            tracing.span("create", parent=_SECOND),
        ):
            pass

    collector = await seen_after(work)

    ways = sorted(collector.way_to(span) for span in collector.spans)
    assert ways == [["a-test: process"], ["a-test: process"], ["a-test: process", "a-test: create"]]
    created = next(span for span in collector.spans if span.name == "create")
    assert created.trace_id == "2" * 32


async def test_a_span_binds_the_ids_of_log_lines_and_gives_back_those_before() -> None:
    def work() -> None:
        telemetry.bind(correlation_id="c", traceparent=_FIRST)
        with tracing.span("step") as step:
            assert telemetry.traceparent() == step.traceparent != _FIRST
        assert telemetry.traceparent() == _FIRST

    collector = await seen_after(work)

    assert [(span.trace_id, span.parent_id) for span in collector.spans] == [("1" * 32, "1" * 16)]


async def test_a_step_that_fails_says_so_and_a_trace_that_is_not_sampled_is_left_alone() -> None:
    def work() -> None:
        with pytest.raises(ZeroDivisionError), tracing.span("step", parent=_FIRST):
            _ = 1 / 0
        with tracing.span("step", parent=_SECOND.removesuffix("1") + "0") as left_alone:
            assert left_alone.traceparent is not None
            assert left_alone.traceparent.endswith("-00")

    collector = await seen_after(work)

    assert [(span.trace_id, span.has_failed) for span in collector.spans] == [("1" * 32, True)]


async def test_a_collector_that_is_away_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.lastResort", None)  # the exporter logs that it was away
    begun = 0.0
    async with tracing.exporting("a-test", endpoint=f"http://127.0.0.1:{free_port()}"):
        with tracing.span("step"):
            begun = time.perf_counter()

    assert time.perf_counter() - begun < 1.0


def test_a_service_that_is_not_traced_never_loads_the_sdk() -> None:
    """Nor the exporter, with what it needs."""
    program = "import sys, services.registry.app, services.gateway.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "shared.tracing" in done.stdout.split()
    assert not [
        name for name in done.stdout.split() if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "requests"))
    ]


def test_no_service_loads_the_orm() -> None:
    """Which nothing here uses, and SQLAlchemy's own package of asynchronous engines loads."""
    program = "import sys, services.embedded; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "sqlalchemy.ext.asyncio.engine" in done.stdout.split()
    assert "sqlalchemy.orm" not in done.stdout.split()


def test_every_log_line_is_json_with_the_trace_it_belongs_to_also_those_of_libraries() -> None:
    program = f"""
import logging
from uvicorn.config import Config
from shared import telemetry
Config("none")
telemetry.configure_logging()
telemetry.bind(correlation_id="c-1", traceparent={_FIRST!r})
telemetry.logger("ours").info("told", seq=1)
logging.getLogger("uvicorn.error").error("server")
try:
    raise ValueError("why")
except ValueError:
    logging.getLogger("aiokafka").exception("library %s", 2)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert [(line["event"], line["level"]) for line in lines] == [("told", "info"), ("server", "error"), ("library 2", "error")]
    assert {(line["trace_id"], line["correlation_id"]) for line in lines} == {("1" * 32, "c-1")}
    assert "ValueError: why" in lines[2]["exception"]
    assert lines[2]["logger"] == "aiokafka"
