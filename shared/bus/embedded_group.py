"""Consumer groups of the embedded bus: who reads which partition, and from where."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orjson import dumps, loads

from shared.bus.embedded_log import Cursor, TopicPartition, streams
from shared.bus.port import BusUnavailable, MembershipLost
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A name in a group; the epoch tells its present holder from those it replaced."""

    group: str
    member: str
    epoch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What one member reads until the group changes."""

    generation: int
    cursors: Sequence[Cursor]


def join(connection: sqlite3.Connection, group: str, member: str, *, topics: Sequence[str], now: float) -> Membership:
    """Takes the name over from whoever holds it; the others keep their partitions then."""
    for topic in topics:
        if not streams(connection, topic):
            raise BusUnavailable(f"no such topic: {topic}")
    epoch, wanted = new_id(), dumps(sorted(topics)).decode()
    held = connection.execute("SELECT topics FROM members WHERE grp = ? AND member = ?", (group, member)).fetchone()
    connection.execute("REPLACE INTO members VALUES(?, ?, ?, ?, ?)", (group, member, epoch, wanted, now))
    if held != (wanted,):
        _next_generation(connection, group)
    return Membership(group=group, member=member, epoch=epoch)


def leave(connection: sqlite3.Connection, membership: Membership) -> None:
    sql = "DELETE FROM members WHERE grp = ? AND member = ? AND epoch = ?"
    if connection.execute(sql, (membership.group, membership.member, membership.epoch)).rowcount:
        _next_generation(connection, membership.group)


def beat(connection: sqlite3.Connection, memberships: Iterable[Membership], *, now: float) -> None:
    """Says that these members live."""
    sql = "UPDATE members SET seen_at = ? WHERE grp = ? AND member = ? AND epoch = ?"
    connection.executemany(sql, [(now, m.group, m.member, m.epoch) for m in memberships])


def expire(connection: sqlite3.Connection, groups: set[str], *, now: float, expiry_s: float) -> set[str]:
    """Sends members away that are silent for longer; returns the groups that changed."""
    # A time to come was written before the clock was set back: as good as silent.
    sql = "DELETE FROM members WHERE grp = ? AND seen_at NOT BETWEEN ? AND ?"
    window = (now - expiry_s, now + expiry_s)
    changed = {group for group in groups if connection.execute(sql, (group, *window)).rowcount}
    for group in changed:
        _next_generation(connection, group)
    return changed


def _next_generation(connection: sqlite3.Connection, group: str) -> None:
    sql = "INSERT INTO groups VALUES(?, 1) ON CONFLICT DO UPDATE SET generation = generation + 1"
    connection.execute(sql, (group,))


def current(connection: sqlite3.Connection, membership: Membership, known: Assignment | None) -> Assignment:
    """The member's assignment, `known` itself unless the group changed. Raises MembershipLost."""
    generation = _generation(connection, membership)
    if known is not None and known.generation == generation:
        return known
    cursors: list[Cursor] = []
    for topic, readers in _readers(connection, membership.group).items():
        if membership.member in readers:
            bases = streams(connection, topic)
            for partition in _share(len(bases), readers.index(membership.member), len(readers)):
                base = bases[partition]
                start = base + _committed(connection, membership.group, topic, partition)
                cursors.append(Cursor(topic, partition, base, start))
    return Assignment(generation=generation, cursors=cursors)


def _generation(connection: sqlite3.Connection, membership: Membership) -> int:
    sql = "SELECT generation FROM groups JOIN members USING(grp) WHERE grp = ? AND member = ? AND epoch = ?"
    row = connection.execute(sql, (membership.group, membership.member, membership.epoch)).fetchone()
    if row is None:
        raise MembershipLost(f"{membership.member} was replaced in, or expelled from, {membership.group}")
    return int(row[0])


def _readers(connection: sqlite3.Connection, group: str) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = {}
    sql = "SELECT member, topics FROM members WHERE grp = ? ORDER BY member"
    for member, topics in connection.execute(sql, (group,)):
        for topic in loads(topics):
            readers.setdefault(topic, []).append(member)
    return readers


def _share(partitions: int, index: int, readers: int) -> range:
    """Ranges of equal length; the first readers take one more where it does not come out even."""
    each, rest = divmod(partitions, readers)
    start = index * each + min(index, rest)
    return range(start, start + each + (index < rest))


def _committed(connection: sqlite3.Connection, group: str, topic: str, partition: int) -> int:
    sql = "SELECT next_offset FROM offsets WHERE grp = ? AND topic = ? AND partition = ?"
    row = connection.execute(sql, (group, topic, partition)).fetchone()
    return int(row[0]) if row else 0


def commit(
    connection: sqlite3.Connection,
    membership: Membership,
    assignment: Assignment | None,
    next_offsets: Mapping[TopicPartition, int],
) -> None:
    """As in Kafka, every change of the group voids the commits of what was fetched before it."""
    generation = _generation(connection, membership)
    if assignment is None or assignment.generation != generation:
        raise MembershipLost(f"{membership.group} shared its partitions out anew")
    if foreign := next_offsets.keys() - {(cursor.topic, cursor.partition) for cursor in assignment.cursors}:
        raise MembershipLost(f"{membership.member} does not read {sorted(foreign)}")
    rows = [(membership.group, topic, partition, at) for (topic, partition), at in next_offsets.items()]
    connection.executemany("REPLACE INTO offsets VALUES(?, ?, ?, ?)", rows)
