"""Asks the services behind a page at once, each with the same deadline; splices what they say."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from services.gateway.clients import Answer, RawHeaders, Upstream, UpstreamAway
from services.gateway.pages.sections import PageKind, Section
from shared.kernel.errors import NotFound
from shared.kernel.time import Clock

_REFUSALS = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Composed:
    """A page as JSON text. `missing`: services that could not be asked; then it is not kept."""

    body: bytes
    etag: str
    missing: tuple[str, ...]


def composed(body: bytes, missing: Iterable[str]) -> Composed:
    return Composed(body, f'"{hashlib.blake2s(body, digest_size=12).hexdigest()}"', tuple(missing))


class Asker:
    def __init__(self, upstreams: Mapping[str, Upstream], *, deadline_s: float, clock: Clock) -> None:
        self._upstreams = upstreams
        self._deadline_s = deadline_s
        self._clock = clock
        # Section → since when its service answers, but not what was asked for.
        self._unfit_since: dict[Section, datetime] = {}

    async def page(self, kind: PageKind, id: str, *, headers: RawHeaders) -> Composed:
        """`headers` say on whose behalf, and after which writes.

        Raises NotFound when the service that owns the page's subject says so.
        """
        found = await self._asked(kind.sections, id, headers)
        if found[0] is None:
            raise NotFound(f"There is no {kind.name} {id!r}, or you may not know of it.")
        missing = dict.fromkeys(part.service for part in found if isinstance(part, UpstreamAway))
        parts = [b'"id":' + orjson.dumps(id)]
        parts += [orjson.dumps(s.name) + b":" + _shown(part) for s, part in zip(kind.sections, found, strict=True)]
        parts.append(b'"missing":' + orjson.dumps(list(missing)))
        body = b"{" + b",".join(parts) + b"}"
        return composed(body, missing)

    async def _asked(self, sections: Sequence[Section], id: str, headers: RawHeaders) -> list[bytes | UpstreamAway | None]:
        """All at once, for as long as there is time."""
        asked = [asyncio.ensure_future(self._section(section, id, headers)) for section in sections]
        try:
            _, late = await asyncio.wait(asked, timeout=self._deadline_s)
        finally:
            for answer in asked:
                answer.cancel()
        return [
            self._upstreams[section.service].too_late(self._deadline_s) if answer in late else answer.result()
            for section, answer in zip(sections, asked, strict=True)
        ]

    async def _section(self, section: Section, id: str, headers: RawHeaders) -> bytes | UpstreamAway | None:
        """The service's own JSON text, None for 404."""
        upstream = self._upstreams[section.service]
        target = section.target(id, on=self._clock().date()).decode()
        try:
            return self._judged(section, await upstream.get(target, headers=headers))
        except UpstreamAway as away:
            return away

    def _judged(self, section: Section, answer: Answer) -> bytes | None:
        """Raises UpstreamAway for what cannot be part of a page."""
        if (reason := _unfit(answer)) is not None:
            since = self._unfit_since.setdefault(section, self._clock())
            raise UpstreamAway(section.service, since, reason)
        self._unfit_since.pop(section, None)
        if answer.status == 404:
            return None
        if answer.status in _REFUSALS:
            return orjson.dumps({"refused": {"service": section.service, "status": answer.status}})
        return answer.body


def _unfit(answer: Answer) -> str | None:
    """Why an answer cannot be part of a page."""
    if answer.status in {404, *_REFUSALS}:
        return None
    if not answer.is_success:
        return f"it answers HTTP {answer.status}"
    try:
        whole = isinstance(orjson.loads(answer.body), dict)
    except ValueError:
        whole = False
    return None if whole else "it answers something else than a JSON object"


def _shown(part: bytes | UpstreamAway | None) -> bytes:
    if part is None:
        return b"null"
    return orjson.dumps(part.as_section()) if isinstance(part, UpstreamAway) else part
