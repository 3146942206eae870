"""The embedded log cut or garbled at every byte of its tail, as a power cut or a bad disk leaves it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.bus import embedded_log as log
from shared.bus.port import Message
from tests.reliability.ledger import Outcome

TOPIC = "t"
ACKNOWLEDGED = 40
# Every byte of the last two commits in the long form, every so many in the short one.
STEP = 1 if os.environ.get("QSMO_RELIABILITY_LONG") else 31
_WAL_HEADER_BYTES = 32


@dataclass(frozen=True)
class Written:
    """A log's two files as a killed process leaves them, and how long the second was when each record was acknowledged."""

    main: bytes
    wal: bytes
    lengths: list[int]

    def acknowledged_below(self, byte: int) -> int:
        """How many records lie in the first bytes of the write-ahead log, whole."""
        return sum(length <= byte for length in self.lengths)


def a_message(n: int) -> Message:
    return Message(topic=TOPIC, key="k", value=f"{n:04d}".encode() * 50, headers={"n": str(n)})


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where that can be had: thousands of logs are opened."""
    parent = "/dev/shm" if Path("/dev/shm").is_dir() else tmp_path
    with tempfile.TemporaryDirectory(dir=parent) as made:
        yield Path(made)


@pytest.fixture
def written(folder: Path) -> Written:
    path, wal = folder / "log.db", folder / "log.db-wal"
    connection = log.connect(path, busy_s=1)
    connection.execute("BEGIN IMMEDIATE")
    log.create_topics(connection, [TOPIC], 1)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer, lengths = log.LogWriter(), []
    for n in range(ACKNOWLEDGED):
        connection.execute("BEGIN IMMEDIATE")
        assert writer.append(connection, [a_message(n)]) == [True]
        connection.execute("COMMIT")
        lengths.append(wal.stat().st_size)
    files = Written(path.read_bytes(), wal.read_bytes(), lengths)
    connection.close()
    assert lengths == sorted(set(lengths)), "each commit makes the write-ahead log longer"
    return files


def found_after(folder: Path, main: bytes, wal: bytes) -> list[bytes] | None:
    """The records that are read, in order, once another was appended; None when the log says that it is damaged."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / "log.db"
    path.write_bytes(main)
    (folder / "log.db-wal").write_bytes(wal)
    try:
        connection = log.connect(path, busy_s=1)
    except sqlite3.DatabaseError:
        return None
    try:
        connection.execute("BEGIN IMMEDIATE")
        if not log.streams(connection, TOPIC):
            return []
        log.LogWriter().append(connection, [Message(topic=TOPIC, key="k", value=b"new", headers={})])
        connection.execute("COMMIT")
        cursor = log.Cursor(TOPIC, 0, log.streams(connection, TOPIC)[0], log.streams(connection, TOPIC)[0])
        return [delivery.value for piece in log.read(connection, [cursor], 1_000) for delivery in piece.deliveries]
    except sqlite3.DatabaseError:
        return None
    finally:
        connection.close()


def judged(written: Written, folder: Path, damages: list[tuple[int, Callable[[bytearray], object]]]) -> dict[str, int]:
    """Each damage begins at a byte; what was acknowledged before it must be read, and nothing that was never written."""
    wanted = [a_message(n).value for n in range(ACKNOWLEDGED)]
    totals = {"lost": 0, "duplicated": 0, "reordered": 0}
    for byte, damage in damages:
        wal = bytearray(written.wal)
        damage(wal)
        found = found_after(folder, written.main, bytes(wal))
        assert found is not None, byte
        assert found[-1] == b"new"
        kept = found[:-1]
        totals["lost"] += max(0, written.acknowledged_below(byte) - len(kept))
        totals["duplicated"] += len(kept) - len(set(kept))
        totals["reordered"] += kept != wanted[: len(kept)]
    return totals


def _cut(byte: int) -> Callable[[bytearray], object]:
    return lambda wal: wal.__delitem__(slice(byte, None))


def _garbled(byte: int) -> Callable[[bytearray], object]:
    return lambda wal: wal.__setitem__(byte, wal[byte] ^ 0xA5)


def test_a_torn_tail_costs_only_what_was_never_acknowledged(written: Written, folder: Path) -> None:
    tail = range(written.lengths[-3], len(written.wal))
    before = range(_WAL_HEADER_BYTES, tail.start, 997)
    places = [*before, *tail[::STEP]]
    damages = [(byte, damage(byte)) for byte in places for damage in (_cut, _garbled)]

    totals = judged(written, folder / "damaged", damages)

    outcome = Outcome(
        name="the embedded log cut, or garbled, at each byte of its tail",
        faults=f"{len(damages):,} damages",
        writes=ACKNOWLEDGED,
        lost=totals["lost"],
        duplicated=totals["duplicated"],
        reordered=totals["reordered"],
    )
    outcome.told()
    assert outcome.holds
