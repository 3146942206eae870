"""Answers of one service to reads, kept for each caller until a fact or a write may have changed them, and for seconds at most.

Any fact of a service, and any write to it that passes here, ends all that is kept of it: a list tells by no name what is new in
it. Other services come to know a fact a moment after the feed does: of them nothing is kept for that moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.feed.entry import Entry
from services.gateway.feed.live import Live
from services.gateway.pages.following import Following
from shared.auth import Principal

ANSWER_BYTES_MAX = 256 << 10
_SWEEP_S = 1.0
# What a kept answer costs beside its bytes, about.
_OVERHEAD_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Question:
    """`prefix`: the path's own that leads to `service`. The caller decides what is shown, and what may be done with it."""

    service: str
    prefix: str
    path: str
    query: bytes
    principal: Principal


@dataclass(frozen=True, slots=True)
class Said:
    """An answer with its own fields, as lines; `etag` is empty where it has none."""

    head: bytes
    body: bytes
    etag: bytes

    @property
    def size(self) -> int:
        return len(self.head) + len(self.body) + _OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class _Kept:
    said: Said
    good_until: float


class KeptAnswers:
    """Of one process. Bounded by bytes: the oldest goes first; nothing is kept where there is no room or no time."""

    def __init__(self, live: Live, *, services: Sequence[str], bytes_max: int, fresh_s: float, settle_s: float) -> None:
        self._live = live
        self._bytes_max = bytes_max if fresh_s else 0
        self._fresh_s = fresh_s
        self._settle_s = settle_s
        self._kept: dict[Question, _Kept] = {}
        self._bytes = 0
        # By service: how often all of it was forgotten, and until when nothing new is kept.
        self._times = dict.fromkeys(services, 0)
        self._settled_at = dict.fromkeys(services, 0.0)
        self._following = Following(live)
        live.followers.append(self._heard)

    @property
    def is_on(self) -> bool:
        return self._bytes_max > 0

    def find(self, question: Question) -> Said | None:
        kept = self._kept.get(question)
        if kept is None:
            return None
        if kept.good_until < time.monotonic():
            self._drop(question)
            return None
        return kept.said

    def asked(self, service: str) -> int:
        """To be given to `keep` with the answer to what is asked now."""
        return self._times[service]

    def keep(self, question: Question, said: Said, *, asked: int) -> None:
        """Unless something may have changed since it was asked for."""
        now = time.monotonic()
        service = question.service
        if self._times[service] != asked or now < self._settled_at[service] or self._live.closed:
            return
        if said.size > min(ANSWER_BYTES_MAX, self._bytes_max):
            return
        self._drop(question)
        while self._bytes + said.size > self._bytes_max:
            self._drop(next(iter(self._kept)))
        self._kept[question] = _Kept(said, now + self._fresh_s)
        self._bytes += said.size
        self._following.begin()

    def forget(self, service: str | None) -> None:
        """All that was said by the service, and by those that are being asked; None: by all of them."""
        for each in self._times if service is None else (service,):
            self._times[each] += 1
        for question in [one for one in self._kept if service in {None, one.service}]:
            self._drop(question)

    def _heard(self, entries: Sequence[Entry]) -> None:
        sources = {entry.type.split(".", 2)[1] for entry in entries} & self._times.keys()
        if not sources:
            return
        self.forget(None)
        settled = time.monotonic() + self._settle_s
        self._settled_at.update({service: settled for service in self._times if sources - {service}})

    def _drop(self, question: Question) -> None:
        if (kept := self._kept.pop(question, None)) is not None:
            self._bytes -= kept.said.size

    async def run(self) -> None:
        """Forget what is too old, for as long as the process lives."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.monotonic()
            for question in [one for one, kept in self._kept.items() if kept.good_until < now]:
                self._drop(question)
            if not self._kept:
                self._following.end()
