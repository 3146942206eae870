"""The same catalog items for everyone, and what is asked about them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal
from urllib.parse import quote

import orjson
import psutil

from services.catalog.domain.content import Content
from tests.bench.bench_search import WORDS, a_content
from tests.support.servers import PostgresServer

Kind = Literal["list", "item", "search", "create"]
AREA = "cybersecurity"
COLUMNS = ("code", "name", "kind", "area", "shelf", "hosting", "summary", "description")


def contents(size: int) -> list[Content]:
    chance = random.Random(10)
    return [replace(a_content(n, chance), focus_areas=(AREA,), authorization=None, business_functions=()) for n in range(size)]


def server_pid(postgres: PostgresServer) -> int:
    assert postgres._process is not None
    return postgres._process.pid


def plain(code: str, content: Content) -> dict[str, str]:
    """By COLUMNS, for who has a table of texts."""
    shelf, hosting = str(content.shelf or ""), str(content.hosting or "")
    values = (code, content.name, str(content.kind), AREA, shelf, hosting, content.summary, content.description)
    return dict(zip(COLUMNS, values, strict=True))


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Where to ask whom for what, as a caller who is known. `item`, `search`: paths with a place for an id, for words.

    `pids`: of the processes that work on an answer, with their children.
    """

    port: int
    pids: Sequence[int]
    credential: str
    ids: Sequence[str]
    list: str
    item: str
    search: str
    create: str = ""

    def cpu_s(self) -> float:
        parents = [psutil.Process(pid) for pid in self.pids]
        processes = [process for parent in parents for process in (parent, *parent.children(recursive=True))]
        return sum(times.user + times.system for times in (process.cpu_times() for process in processes))

    def asking(self, kind: Kind, seed: int) -> Iterator[bytes]:
        """Without end."""
        chance = random.Random(seed)
        match kind:
            case "list":
                yield from (self._get(self.list) for _ in count())
            case "item":
                yield from (self._get(self.item.format(chance.choice(self.ids))) for _ in count())
            case "search":
                yield from (self._get(self.search.format(quote(" ".join(chance.sample(WORDS, 2))))) for _ in count())
            case "create":
                yield from (self._post(f"new-{seed}-{n}", a_content(n, chance)) for n in count())

    def created(self, code: str, content: Content) -> dict[str, Any]:
        """What is sent to `create`; of those that have one."""
        raise NotImplementedError

    def _get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self.credential}\r\n\r\n".encode()

    def _post(self, code: str, content: Content) -> bytes:
        body = orjson.dumps(self.created(code, content))
        head = f"POST {self.create} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self.credential}\r\nContent-Type: application/json\r\n"
        return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
