"""One request until it is answered, without input or output: what to send, when to wait, when to give up."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx

from qsmo_client.problems import Unreachable, problem_of, retry_after_s

READS = frozenset({"GET", "HEAD"})
_AGAIN = frozenset({429, 502, 503, 504})
_STILL_RUNNING = "/problems/still-running"
_REMEMBERED_WRITES = 32
_PAUSE_S, _PAUSE_S_MAX = 0.2, 5.0
_PATIENCE_S_MAX = 60.0
Credentials = Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request to be sent. `read_timeout_s`: None for the client's own."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    read_timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


# Yields what is to be done, is sent the response to a Call, or has a httpx.TransportError thrown in.
Flow = Generator[Call | Pause, httpx.Response | None, httpx.Response]


class GoesAway(FutureWarning):
    """What was asked for will not be there any more from the day that is told."""


class Exchange:
    """What a client remembers between requests: who it is, and what it has written."""

    def __init__(self, *, token: str | Credentials | None, api_key: str | None, retries: int) -> None:
        if token is not None and api_key is not None:
            raise ValueError("Give a token or an API key, not both.")
        self._token = token
        self._api_key = api_key
        self._retries = retries
        self._writes: dict[str, str] = {}

    @property
    def written(self) -> str:
        """What `QSMO-After` of the next read says."""
        return ",".join(self._writes.values())

    @written.setter
    def written(self, token: str) -> None:
        for item in filter(None, (part.strip() for part in token.split(","))):
            service, _, rest = item.partition("@")
            aggregate = f"{service}/{rest.partition('/')[2]}"
            self._writes.pop(aggregate, None)
            self._writes[aggregate] = item
        while len(self._writes) > _REMEMBERED_WRITES:
            del self._writes[next(iter(self._writes))]

    def until_answered(self, call: Call) -> Flow:
        """Every write carries one Idempotency-Key through all its attempts, so that it takes effect once.

        Raises Problem, Unreachable.
        """
        if call.method not in READS:
            call = replace(call, headers={"Idempotency-Key": uuid4().hex, **call.headers})
        attempt = 0
        while True:
            pause_s = backoff_s(attempt)
            try:
                response = yield replace(call, headers=self.headers(call))
            except httpx.TransportError as error:
                if attempt >= self._retries:
                    raise Unreachable(f"{call.method} {call.path} got no answer in {attempt + 1} attempts.") from error
            else:
                assert response is not None
                if attempt >= self._retries or not _asks_to_come_again(response):
                    return self._judged(response)
                pause_s = retry_after_s(response) or pause_s
            yield Pause(min(pause_s, _PATIENCE_S_MAX))
            attempt += 1

    def headers(self, call: Call) -> dict[str, str]:
        """For one attempt: a token is asked for each time, as it may have been renewed."""
        found = {"Accept": "application/json", **call.headers}
        if self._api_key is not None:
            found["X-Api-Key"] = self._api_key
        elif self._token is not None:
            found["Authorization"] = f"Bearer {self._token if isinstance(self._token, str) else self._token()}"
        if call.method in READS and self._writes:
            found.setdefault("QSMO-After", self.written)
        return found

    def _judged(self, response: httpx.Response) -> httpx.Response:
        if response.is_error:
            raise problem_of(response)
        if version := response.headers.get("qsmo-version"):
            self.written = version
        if sunset := response.headers.get("sunset"):
            request = response.request
            told = f"{request.method} {request.url.path} goes away on {sunset}: {response.headers.get('link', '')}"
            warnings.warn(GoesAway(told), stacklevel=2)
        return response


def backoff_s(attempt: int) -> float:
    longest: float = min(_PAUSE_S_MAX, _PAUSE_S * 2**attempt)
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads retries, hides nothing


def _asks_to_come_again(response: httpx.Response) -> bool:
    if response.status_code == 409:
        return problem_of(response).type == _STILL_RUNNING
    return response.status_code in _AGAIN


def params_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Absent (None) parameters are left out."""
    return {name: value for name, value in given.items() if value is not None}
