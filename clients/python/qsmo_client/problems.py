"""What goes wrong, as exceptions.

QsmoError
├── Unreachable: no answer came, however often it was asked
└── Problem: an answer of 4xx or 5xx
    ├── Malformed (400), Unauthenticated (401), Forbidden (403), NotFound (404), Conflict (409)
    ├── StaleVersion (412), TooLarge (413), Invalid (422), PreconditionRequired (428), TooManyRequests (429)
    └── Unavailable (503)
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import httpx


class QsmoError(Exception):
    """Everything that this package raises of itself."""


class Unreachable(QsmoError):
    """No answer; whether the last request took effect is not known. `__cause__` says what happened to it."""


class Problem(QsmoError):
    """RFC 9457 problem details. `type` is stable: `/problems/…`, a page of the gateway that says what to do."""

    def __init__(self, status: int, document: Mapping[str, Any], *, retry_after_s: float | None = None) -> None:
        self.status = status
        self.document = dict(document)
        self.retry_after_s = retry_after_s
        super().__init__(f"{status} {self.title}: {self.detail}" if self.detail else f"{status} {self.title}")

    @property
    def type(self) -> str:
        return str(self.document.get("type", "about:blank"))

    @property
    def title(self) -> str:
        return str(self.document.get("title", ""))

    @property
    def detail(self) -> str:
        return str(self.document.get("detail", ""))

    @property
    def errors(self) -> list[dict[str, str]]:
        """Per field: `pointer`, `code`, `detail`."""
        return list(self.document.get("errors", []))

    @property
    def missing(self) -> list[str]:
        """What has to happen first."""
        return list(self.document.get("missing", []))

    @property
    def allowed_actions(self) -> list[str]:
        return list(self.document.get("allowed_actions", []))

    @property
    def trace_id(self) -> str | None:
        found = self.document.get("trace_id")
        return None if found is None else str(found)


class Malformed(Problem):
    pass


class Unauthenticated(Problem):
    pass


class Forbidden(Problem):
    pass


class NotFound(Problem):
    pass


class Conflict(Problem):
    pass


class StaleVersion(Problem):
    pass


class TooLarge(Problem):
    pass


class Invalid(Problem):
    pass


class PreconditionRequired(Problem):
    pass


class TooManyRequests(Problem):
    pass


class Unavailable(Problem):
    pass


_BY_STATUS: Mapping[int, type[Problem]] = {
    400: Malformed,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: StaleVersion,
    413: TooLarge,
    422: Invalid,
    428: PreconditionRequired,
    429: TooManyRequests,
    503: Unavailable,
}


def problem_of(response: httpx.Response) -> Problem:
    """`response` has been read."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {"title": response.reason_phrase, "detail": response.text[:500]}
    kind = _BY_STATUS.get(response.status_code, Problem)
    return kind(response.status_code, document, retry_after_s=retry_after_s(response))


def retry_after_s(response: httpx.Response) -> float | None:
    given = response.headers.get("retry-after")
    if given is None:
        return None
    if given.isdecimal():
        return float(given)
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time())
    except ValueError:
        return None
