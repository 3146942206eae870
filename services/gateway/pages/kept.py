"""Pages kept for each caller until a fact concerns them, and for a few seconds at most.

A fact concerns a page when it names the page's subject, or anything that the page names by an id. The seconds cover what
no name tells: a service that had not heard of the fact itself when it was asked.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.gateway.feed.entry import Entry
from services.gateway.feed.live import Live
from services.gateway.pages.asking import Composed
from services.gateway.pages.following import Following
from shared.auth import Principal

_NAME = re.compile(rb'"([A-Za-z0-9][A-Za-z0-9._:-]{0,127})"')
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_RECENT_FACTS = 512
_SWEEP_S = 1.0
Key = tuple[str, str, Principal]


@dataclass(frozen=True, slots=True)
class _Kept:
    page: Composed
    good_until: float
    names: frozenset[bytes]


class KeptPages:
    """Bounded; the oldest goes first."""

    def __init__(self, live: Live, *, pages_max: int, fresh_s: float) -> None:
        self._live = live
        self._pages_max = pages_max
        self._fresh_s = fresh_s
        self._pages: dict[Key, _Kept] = {}
        self._by_name: dict[bytes, set[Key]] = {}
        self._recent: deque[tuple[int, frozenset[bytes]]] = deque(maxlen=_RECENT_FACTS)
        self._following = Following(live)
        live.followers.append(self._concerned)

    def find(self, key: Key) -> Composed | None:
        kept = self._pages.get(key)
        if kept is None:
            return None
        if kept.good_until < time.monotonic():
            self._drop(key)
            return None
        return kept.page

    def keep(self, key: Key, page: Composed, *, asked_at_seq: int, about: Iterable[str] = ()) -> None:
        """Unless it is not whole, or a fact concerned it while it was put together.

        `about`: what else than the page's subject and the ids in it a fact may name that concerns it.
        """
        if page.missing or not self._fresh_s or self._live.closed:
            return
        names = frozenset(_UUID.findall(page.body)) | {key[1].encode(), *(name.encode() for name in about)}
        if self._concerned_since(asked_at_seq, names):
            return
        self._drop(key)
        while len(self._pages) >= self._pages_max:
            self._drop(next(iter(self._pages)))
        self._pages[key] = _Kept(page, time.monotonic() + self._fresh_s, names)
        for name in names:
            self._by_name.setdefault(name, set()).add(key)
        self._following.begin()

    def _concerned_since(self, seq: int, names: frozenset[bytes]) -> bool:
        if self._live.last - seq > _RECENT_FACTS:
            return True
        return any(at > seq and not names.isdisjoint(named) for at, named in self._recent)

    def _concerned(self, entries: Sequence[Entry]) -> None:
        for entry in entries[-_RECENT_FACTS:]:
            names = frozenset(_names(entry))
            self._recent.append((entry.seq, names))
            for name in names & self._by_name.keys():
                for key in tuple(self._by_name.get(name, ())):
                    self._drop(key)
        if len(entries) > _RECENT_FACTS:
            self.clear()

    def clear(self) -> None:
        for key in tuple(self._pages):
            self._drop(key)

    def _drop(self, key: Key) -> None:
        kept = self._pages.pop(key, None)
        for name in kept.names if kept else ():
            keys = self._by_name[name]
            keys.discard(key)
            if not keys:
                del self._by_name[name]

    async def run(self) -> None:
        """Forget what is too old, for as long as the process lives."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.monotonic()
            for key in [key for key, kept in self._pages.items() if kept.good_until < now]:
                self._drop(key)
            if not self._pages:
                self._following.end()


def _names(entry: Entry) -> Iterator[bytes]:
    yield from _NAME.findall(entry.event)
    yield entry.subject.encode()
