"""The closed set of errors that commands, queries and domain rules raise.

QsmoError
├── Invalid         what was sent is not valid content (422)
│   └── Malformed   what was sent cannot be read (400)
├── Forbidden       the caller may not do this (403)
├── NotFound        there is no such thing, or the caller may not know of it (404)
├── Conflict        the state of things changed or does not allow it (409, stale: 412)
│   └── StaleVersion
├── RuleViolation   a rule of the regime refuses; `missing` lists what would lead on (409)
└── Unavailable     something needed is away for now; trying again later may work (503)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One fault in what was sent; `pointer` is an RFC 6901 JSON pointer."""

    pointer: str
    code: str
    detail: str


class QsmoError(Exception):
    """Any refusal that a caller can be told about."""

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: tuple[FieldError, ...] = (),
        missing: tuple[str, ...] = (),
        allowed_actions: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.errors = errors
        self.missing = missing
        self.allowed_actions = allowed_actions


class Invalid(QsmoError):
    """What was sent is understood but not valid."""

    @classmethod
    def at(cls, pointer: str, detail: str, *, code: str = "invalid") -> Self:
        return cls(detail, errors=(FieldError(pointer=pointer, code=code, detail=detail),))


class Malformed(Invalid):
    """What was sent cannot be read as what it should be."""


class Forbidden(QsmoError):
    """The caller is known and may not do this."""


class NotFound(QsmoError):
    """There is no such thing for this caller."""


class Conflict(QsmoError):
    """Another write came first, or the thing is in another state."""


class StaleVersion(Conflict):
    """The version the caller started from is not the current one."""

    def __init__(self, detail: str, *, current_version: int | None = None) -> None:
        super().__init__(detail, code="stale-version")
        self.current_version = current_version


class RuleViolation(QsmoError):
    """A rule of the regime refuses the transition."""


class Unavailable(QsmoError):
    """Something this needs is away for now."""

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
