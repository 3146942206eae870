"""The feed without input or output: where to go on, what came whole, how long to wait."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal

import httpx

from qsmo_client.exchange import Call, backoff_s, params_of
from qsmo_client.problems import Problem, Unreachable

How = Literal["stream", "poll", "once"]
_WAIT_S = 25
_PAGE = 1_000
# The server says something every 15 s; who hears nothing for longer than two of these is cut off.
_SILENCE_S = 40.0
_PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Event:
    """A fact. `document` is the whole CloudEvent with its `seq`."""

    document: Mapping[str, Any]

    @property
    def seq(self) -> int:
        return int(self.document["seq"])

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def type(self) -> str:
        return str(self.document["type"])

    @property
    def subject(self) -> str:
        return str(self.document["subject"])

    @property
    def time(self) -> str:
        return str(self.document["time"])

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.document["data"])


class Frames:
    """Server-Sent Events from bytes in any pieces; what was not closed by an empty line never happened."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def take(self, piece: bytes) -> Iterator[Event]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            yield from self._line(line.removesuffix(b"\r"))

    def _line(self, line: bytes) -> Iterator[Event]:
        if not line:
            data, self._data = b"\n".join(self._data), []
            if data:
                yield Event(json.loads(data))
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))


class Following:
    """The place of one reader in the feed, and its patience. `cursor`: the seq of the last event handed out, or passed over."""

    def __init__(
        self,
        *,
        after: int | None,
        types: Sequence[str],
        filters: Mapping[str, Any],
        how: How,
        give_up_after_s: float | None,
    ) -> None:
        self.cursor = after
        self.how = how
        self._params = params_of({"type": list(types) or None, **filters})
        self._give_up_after_s = give_up_after_s
        self._failures = 0
        self._heard_at = monotonic()
        self.is_done = False

    def head_call(self) -> Call:
        """Where "now" is: a stream that is cut before its first event must still know where to go on."""
        return Call(method="GET", path="/v1/events", params={"limit": 1})

    def stream_call(self) -> Call:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store", "Last-Event-ID": str(self.cursor)}
        return Call(method="GET", path="/v1/events/stream", params=self._params, headers=headers, read_timeout_s=_SILENCE_S)

    def page_call(self) -> Call:
        waiting = {"wait": _WAIT_S} if self.how == "poll" else {}
        params = {**self._params, "after": self.cursor, "limit": _PAGE, **waiting}
        return Call(method="GET", path="/v1/events", params=params, read_timeout_s=_WAIT_S + 15)

    def heard(self) -> None:
        self._failures = 0
        self._heard_at = monotonic()

    def took(self, event: Event) -> Event:
        self.cursor = event.seq
        return event

    def page(self, response: httpx.Response) -> Iterator[Event]:
        """Of a page that came whole; the cursor follows what is handed out and then passes over what may not be seen."""
        self.heard()
        found = response.json()
        for document in found["items"]:
            yield self.took(Event(document))
        self.cursor = int(found["next_after"])
        self.is_done = self.how == "once" and self.cursor >= int(found["head"])

    def pause_s(self, reason: Problem | httpx.TransportError | Unreachable | None) -> float:
        """After a failure, or an end (None). Raises it when it will not pass, or has lasted too long."""
        if reason is None:
            self.heard()
            return backoff_s(0)
        patience = self._give_up_after_s
        is_over = patience is not None and monotonic() - self._heard_at > patience
        if isinstance(reason, Problem) and (is_over or reason.status not in _PASSING):
            raise reason
        if is_over:
            raise Unreachable(f"The feed has been silent for more than {patience:g} s.") from reason
        self._failures += 1
        given = reason.retry_after_s if isinstance(reason, Problem) else None
        return given if given is not None else backoff_s(self._failures - 1)
