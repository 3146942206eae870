"""What pages ask of the services: as the caller, with what is missing said in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from services.gateway.clients import RawHeaders, UpstreamAway
from services.gateway.context import Gateway
from shared.kernel.errors import Forbidden, Invalid, NotFound

_NOT_FOUND = 404
_REFUSED = frozenset({400, 422})
_FORBIDDEN = frozenset({401, 403})
_PASSED_ON = frozenset({b"authorization", b"qsmo-after"})


@dataclass(frozen=True, slots=True)
class Away:
    """Stands for what a service could not say now."""

    service: str
    since: str
    detail: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """Stands for what this caller may not see; `detail` says who may."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question. `required`: the page is nothing without it, and what the service refuses is refused."""

    service: str
    path: str
    params: Mapping[str, Any] | None = None
    required: bool = False


async def answers(request: Request, *asks: Ask) -> list[Any]:
    """The JSON of each, asked at once on behalf of the caller; `Away` for a service that does not answer, `Withheld` for
    what is not for the caller, None for what is not there.

    Raises NotFound, Invalid and Forbidden, as the service says, for what is required.
    """
    gateway: Gateway = request.app.state.context
    headers = [pair for pair in request.headers.raw if pair[0] in _PASSED_ON]
    return list(await asyncio.gather(*(_answer(gateway, ask, headers) for ask in asks)))


async def _answer(gateway: Gateway, ask: Ask, headers: RawHeaders) -> Any:
    upstream = gateway.upstreams[ask.service]
    try:
        async with asyncio.timeout(gateway.settings.compose_deadline_s):
            answer = await upstream.get(ask.path, params=ask.params, headers=headers)
        if answer.is_success:
            return answer.json()
        if answer.status in _FORBIDDEN and ask.required:
            raise Forbidden(answer.json()["detail"])
        if answer.status in _FORBIDDEN:
            return Withheld(answer.json()["detail"])
        if answer.status == _NOT_FOUND and not ask.required:
            return None
        if answer.status == _NOT_FOUND:
            raise NotFound(answer.json()["detail"])
        if answer.status in _REFUSED and ask.required:
            found = answer.json()
            raise Invalid(next((error["detail"] for error in found.get("errors", ())), found["detail"]))
        raise upstream.away(f"it answers HTTP {answer.status}")
    except UpstreamAway as away:
        section = away.as_section()["unavailable"]
        return Away(section["service"], section["since"], away.detail)
    except TimeoutError:
        section = upstream.away("no answer in time").as_section()["unavailable"]
        return Away(section["service"], section["since"], "no answer in time")
