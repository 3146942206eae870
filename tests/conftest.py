"""Fixtures for every suite, and what happens when a server that a test needs is missing."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING, Protocol, cast
from uuid import uuid4

import pytest

from tests.support.servers import (
    AVAILABILITY,
    HOW_TO_INSTALL,
    KafkaServer,
    PostgresServer,
    Server,
)
from tests.support.templates import Templates, service_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_RUN = pytest.StashKey[defaultdict[str, list[str]]]()
STARTED = pytest.StashKey[list[Server]]()


class Worker(Protocol):
    """A process of a parallel run, as xdist (untyped) hands it over."""

    config: pytest.Config


def servers_are_required() -> bool:
    """Whether a missing server fails the run (CI) instead of skipping tests (a user's machine)."""
    return any(os.environ.get(name, "") not in {"", "0", "false"} for name in ("CI", "QSMO_REQUIRE_SERVERS"))


def pytest_configure(config: pytest.Config) -> None:
    not_run: defaultdict[str, list[str]] = defaultdict(list)
    config.stash[NOT_RUN] = not_run
    config.stash[STARTED] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the server fixtures they take, so that `-m "not kafka"` holds without discipline."""
    for item in items:
        for name in AVAILABILITY:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(name)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for name, why_not in AVAILABILITY.items():
        if item.get_closest_marker(name) and (reason := why_not()):
            item.config.stash[NOT_RUN][name].append(item.nodeid)
            _refuse(reason)


def _refuse(reason: str) -> None:
    if servers_are_required():
        pytest.fail(f"{reason} CI or QSMO_REQUIRE_SERVERS is set, so this fails.", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """A test that failed with its server killed or paused must not fail the tests after it."""
    for server in item.config.stash[STARTED]:
        server.recover()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of a parallel run hands what it could not run to the process that prints the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        not_run = session.config.stash[NOT_RUN]
        output["not_run"] = dict(not_run)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Worker) -> None:
    not_run: dict[str, list[str]] = getattr(node, "workeroutput", {}).get("not_run", {})  # a crashed one left nothing
    for name, tests in not_run.items():
        node.config.stash[NOT_RUN][name].extend(tests)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, tests in config.stash[NOT_RUN].items():
        terminalreporter.write_sep("!", f"{name.upper()} IS MISSING", red=True, bold=True)
        terminalreporter.write_line(f"{len(tests)} tests DID NOT RUN because of it.", red=True, bold=True)
        if name in AVAILABILITY and (why := AVAILABILITY[name]()):
            terminalreporter.write_line(f"Why:        {why}")
        terminalreporter.write_line(f"To install: {HOW_TO_INSTALL[name]}")
    if config.stash[NOT_RUN]:
        terminalreporter.write_sep("!", red=True, bold=True)


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """One server for the run, started when first asked for."""
    with PostgresServer() as server:
        pytestconfig.stash[STARTED].append(server)
        yield server
        pytestconfig.stash[STARTED].remove(server)


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[KafkaServer]:
    """One broker for the run, started when first asked for; tests share it, so they name topics of their own."""
    with KafkaServer() as server:
        pytestconfig.stash[STARTED].append(server)
        yield server
        pytestconfig.stash[STARTED].remove(server)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, templates: Templates) -> Iterator[str]:
    """SQLAlchemy URL of a database of this test's own, on SQLite and on PostgreSQL.

    Empty, but in a module that is named after a service (`test_catalog_…`): there at that service's newest schema.
    """
    service, path = service_of(request.module.__name__), tmp_path / "test.db"
    if request.param == "sqlite":
        yield templates.sqlite(service, path) if service else f"sqlite+aiosqlite:///{path}"
        return
    server = cast("PostgresServer", request.getfixturevalue("postgres"))
    name = f"test_{uuid4().hex}"
    yield templates.postgres(service, name, server) if service else server.create_database(name)
    server.drop_database(name)
