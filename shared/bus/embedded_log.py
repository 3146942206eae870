"""The log of the embedded bus: which record lies where in its SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orjson import dumps, loads

from shared.bus.partitioner import partitions_of
from shared.bus.port import BusUnavailable, Delivery, Message

TopicPartition = tuple[str, int]

# A record's rowid is its stream's id and its offset in one number: one B-tree and no index. Rows in the order of
# writing with an index on top append 5 % faster but read 15 % slower, and each is read by several groups.
_OFFSET_BITS = 40
_LAST_OFFSET = (1 << _OFFSET_BITS) - 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stream(
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, UNIQUE(topic, partition));
CREATE TABLE IF NOT EXISTS record(
    position INTEGER PRIMARY KEY, key TEXT NOT NULL, headers TEXT NOT NULL, value BLOB NOT NULL);
CREATE VIEW IF NOT EXISTS log(topic, partition, "offset", key, headers, value) AS
    SELECT topic, partition, position - (stream.id << 40), key, headers, value FROM record
    JOIN stream ON stream.id = position >> 40;
CREATE TABLE IF NOT EXISTS offsets(
    grp TEXT, topic TEXT, partition INTEGER, next_offset INTEGER NOT NULL,
    PRIMARY KEY(grp, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups(grp TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members(
    grp TEXT, member TEXT, epoch TEXT NOT NULL, topics TEXT NOT NULL, seen_at REAL NOT NULL,
    PRIMARY KEY(grp, member)) WITHOUT ROWID;
"""


def connect(path: Path, *, busy_s: float) -> sqlite3.Connection:
    """Raises sqlite3.DatabaseError when the file is no log."""
    # Only its DatabaseThread uses it after this, but tests and tools may open it elsewhere.
    connection = sqlite3.connect(path, isolation_level=None, timeout=busy_s, check_same_thread=False)
    try:
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 2000")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class LogWriter:
    """Appends; remembers the ends of the partitions for as long as no other process writes."""

    def __init__(self) -> None:
        self._ends: dict[str, list[int]] = {}
        self._version = -1

    def forget(self) -> None:
        self._ends.clear()

    def append(self, connection: sqlite3.Connection, messages: Sequence[Message]) -> list[bool]:
        """Says of each message whether its topic exists and it was appended."""
        ends = self._ends_of(connection, {message.topic for message in messages})
        if not any(ends.values()):
            raise BusUnavailable(f"no such topic: {', '.join(sorted(ends))}")
        try:
            rows = _rows(messages, ends)
        except Exception:
            self.forget()
            raise
        connection.executemany("INSERT INTO record VALUES(?, ?, ?, ?)", rows)
        return [bool(ends[message.topic]) for message in messages]

    def _ends_of(self, connection: sqlite3.Connection, topics: set[str]) -> dict[str, list[int]]:
        if (now := version(connection)) != self._version:
            self.forget()
            self._version = now
        for topic in topics - self._ends.keys():
            if ends := [_end(connection, base) for base in streams(connection, topic)]:
                self._ends[topic] = ends
        return {topic: self._ends.get(topic, []) for topic in topics}


def _rows(messages: Sequence[Message], ends: Mapping[str, list[int]]) -> list[tuple[int, str, str, bytes]]:
    rows = []
    for topic, at in ends.items():
        mine = [message for message in messages if message.topic == topic] if at else []
        for message, partition in zip(mine, partitions_of([m.key for m in mine], len(at)), strict=True):
            rows.append((at[partition], message.key, dumps(dict(message.headers)).decode(), message.value))
            at[partition] += 1
    return rows


def create_topics(connection: sqlite3.Connection, topics: Sequence[str], partitions: int) -> None:
    for topic in dict.fromkeys(topics):
        if not streams(connection, topic):
            rows = [(topic, partition) for partition in range(partitions)]
            connection.executemany("INSERT INTO stream(topic, partition) VALUES(?, ?)", rows)


def streams(connection: sqlite3.Connection, topic: str) -> list[int]:
    """Where each partition of the topic begins; its end if it is empty."""
    rows = connection.execute("SELECT id FROM stream WHERE topic = ? ORDER BY partition", (topic,))
    return [row[0] << _OFFSET_BITS for row in rows]


def lag(connection: sqlite3.Connection, cursors: Iterable[Cursor]) -> dict[tuple[str, int], int]:
    return {(cursor.topic, cursor.partition): _end(connection, cursor.base) - cursor.position for cursor in cursors}


def _end(connection: sqlite3.Connection, base: int) -> int:
    sql = "SELECT max(position) FROM record WHERE position BETWEEN ? AND ?"
    last = connection.execute(sql, (base, base | _LAST_OFFSET)).fetchone()[0]
    return base if last is None else last + 1


@dataclass(slots=True)
class Cursor:
    """What a member reads next of one partition; positions count from `base`, its beginning."""

    topic: str
    partition: int
    base: int
    position: int


@dataclass(frozen=True, slots=True)
class Slice:
    """What was read through a cursor, which has not moved to `end` yet."""

    cursor: Cursor
    end: int
    deliveries: list[Delivery]


def whole(connection: sqlite3.Connection, topics: Sequence[str]) -> list[tuple[Cursor, int]]:
    """A cursor at the beginning of each partition, and where that ends now. Raises BusUnavailable."""
    found: list[tuple[Cursor, int]] = []
    for topic in topics:
        bases = streams(connection, topic)
        if not bases:
            raise BusUnavailable(f"no such topic: {topic}")
        found += [(Cursor(topic, n, base, base), _end(connection, base)) for n, base in enumerate(bases)]
    return found


def read(connection: sqlite3.Connection, cursors: Iterable[Cursor], limit: int) -> list[Slice]:
    slices: list[Slice] = []
    for cursor in cursors:
        if found := _read(connection, cursor, limit):
            slices.append(Slice(cursor, cursor.base + found[-1].offset + 1, found))
            limit -= len(found)
            if not limit:
                break
    return slices


def _read(connection: sqlite3.Connection, cursor: Cursor, limit: int) -> list[Delivery]:
    sql = "SELECT position, key, headers, value FROM record WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?"
    topic, partition, base = cursor.topic, cursor.partition, cursor.base
    rows = connection.execute(sql, (cursor.position, base | _LAST_OFFSET, limit))
    return [Delivery(topic, partition, at - base, key, value, loads(headers)) for at, key, headers, value in rows]


def version(connection: sqlite3.Connection) -> int:
    """Changes whenever another connection has committed."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
