"""`qsmo backup` and `qsmo restore`: an embedded installation as it was at one moment."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from services.installation import DataFolder
from shared.kernel.errors import Invalid, Unavailable

DATABASES = ("registry.db", "catalog.db", "adoption.db", "gateway.db", "events.db")
KEYS = ("issuer.key", "gateway.key")
_MANIFEST = "manifest.json"
_PATIENCE_S = 30.0


def backup(folder: DataFolder, destination: Path) -> None:
    """All databases as of one moment, for which writers wait some milliseconds; the folder appears when it is whole.

    Raises Invalid, and Unavailable when somebody writes for too long.
    """
    if destination.exists():
        raise Invalid(f"{destination} exists already: a backup is a folder of its own.")
    if absent := [name for name in DATABASES if not (folder.path / name).exists()]:
        raise Invalid(f"{folder.path} holds no installation: there is no {absent[0]}.")
    partial = destination.with_name(destination.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with _at_one_moment([folder.path / name for name in DATABASES]) as (moment, views):
        for name, view in zip(DATABASES, views, strict=True):
            _copy(view, partial / name)
    for name in KEYS:
        if (folder.path / name).exists():
            shutil.copy2(folder.path / name, partial / name)
    manifest = {"made_at": moment.isoformat(), **_state(partial), "sha256": _digests(partial)}
    (partial / _MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    partial.rename(destination)
    sys.stdout.write(f"{destination}: as of {moment:%Y-%m-%d %H:%M:%S} UTC, feed at seq {manifest['feed']['seq']}.\n")
    sys.stdout.write("It holds the keys of the installation: keep it as safe as them. Test mode is not in it.\n")


@contextmanager
def _at_one_moment(files: list[Path]) -> Iterator[tuple[datetime, list[sqlite3.Connection]]]:
    """A view of each file, none older or newer than another: while all are held, nobody writes to any."""
    with ExitStack() as stack:
        try:
            with ExitStack() as held:
                for file in files:
                    gate = held.enter_context(closing(_connected(file)))
                    gate.execute("BEGIN IMMEDIATE")
                views = [stack.enter_context(closing(_connected(file))) for file in files]
                for view in views:
                    view.execute("BEGIN")
                    view.execute("SELECT count(*) FROM sqlite_master").fetchone()
                moment = datetime.now(UTC)
        except sqlite3.OperationalError as err:
            raise Unavailable(f"The installation was busy for {_PATIENCE_S:g} s ({err}): try again.") from err
        yield moment, views


def _connected(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None, timeout=_PATIENCE_S)


def _copy(view: sqlite3.Connection, file: Path) -> None:
    with closing(sqlite3.connect(file)) as copy:
        view.backup(copy)
        (said,) = copy.execute("PRAGMA quick_check").fetchone()
    if said != "ok":
        raise Invalid(f"{file.name} is damaged: {said}. No backup was made.")


def _state(folder: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(folder / "gateway.db")) as feed:
        seq, last_hash = feed.execute("SELECT seq, hash FROM feed_head").fetchone()
    return {"feed": {"seq": seq, "hash": last_hash}}


def _digests(folder: Path) -> dict[str, str]:
    files = (folder / name for name in (*DATABASES, *KEYS))
    return {file.name: _digest(file) for file in files if file.exists()}


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def restore(source: Path, folder: DataFolder, *, events: Path | None) -> None:
    """Into a folder that has no databases. Raises Invalid, also for a backup that is not what was made."""
    manifest = _checked(source)
    if (taken := [name for name in DATABASES if (folder.path / name).exists()]) and folder.path.exists():
        raise Invalid(f"{folder.path} has a {taken[0]} already: move that folder away, or name another with --data.")
    folder.path.mkdir(parents=True, exist_ok=True)
    for name in manifest["sha256"]:
        if name != "events.db" or events is None:
            shutil.copy2(source / name, folder.path / name)
    if events is not None:
        with closing(_connected(events)) as log:
            _copy(log, folder.path / "events.db")
    sys.stdout.write(f"{folder.path}: as of {manifest['made_at']}, feed at seq {manifest['feed']['seq']}.\n")
    sys.stdout.write("Next: `qsmo reconcile`, `qsmo audit verify`, then serve.\n")


def _checked(source: Path) -> Mapping[str, Any]:
    try:
        manifest: dict[str, Any] = orjson.loads((source / _MANIFEST).read_bytes())
        digests, _ = manifest["sha256"], manifest["feed"]["seq"]
    except (FileNotFoundError, ValueError, KeyError, TypeError) as err:
        raise Invalid(f"{source} is no backup: it has no {_MANIFEST} that can be read.") from err
    for name, digest in digests.items():
        if not (source / name).exists() or _digest(source / name) != digest:
            raise Invalid(f"{source / name} is not what was backed up: it is damaged or missing.")
    return manifest
