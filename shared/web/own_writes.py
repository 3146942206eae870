"""Read your writes: a write names what it recorded, and a read that brings this along waits until it can show it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Protocol

from starlette.exceptions import HTTPException

from shared.db import Database, Transaction
from shared.kernel.errors import Unavailable

VERSION, AFTER = "QSMO-Version", "QSMO-After"
_ITEM = re.compile(r"([a-z]{1,40})@([0-9]{1,9})/([A-Za-z0-9][A-Za-z0-9._:-]{0,127})")
_ITEMS_MAX = 32
_PATIENCE_S = 2.0
_FIRST_LOOK_S, _LOOK_S_MAX = 0.005, 0.05
Versions = Mapping[tuple[str, str], int]


class Hearing(Protocol):
    """What has to be known of a service to wait for facts of others."""

    @property
    def db(self) -> Database: ...
    async def applied(self, tx: Transaction, *, service: str, aggregate: str) -> int | None:
        """The last version applied here; None when this service does not follow the other, or is it."""
        ...


def token(recorded: Versions) -> str | None:
    """`registry@3/<id>`, several with commas; of very many the last ones, as a bus mostly brings those last."""
    newest = list(recorded.items())[-_ITEMS_MAX:]
    return ",".join(f"{service}@{version}/{aggregate}" for (service, aggregate), version in newest) or None


def parsed(given: str) -> dict[tuple[str, str], int]:
    """Raises HTTPException (400) for what `token` never says."""
    items = [item.strip() for item in given.split(",") if item.strip()]
    found = [_ITEM.fullmatch(item) for item in items]
    if not items or len(items) > _ITEMS_MAX or not all(found):
        raise HTTPException(400, f"{AFTER} is what {VERSION} of a write said; up to {_ITEMS_MAX} of them, with commas.")
    return {(match[1], match[3]): int(match[2]) for match in found if match}


async def wait_for(hearing: Hearing, given: str) -> None:
    """Raises Unavailable when it takes longer than two seconds."""
    missing = parsed(given)
    pause_s = _FIRST_LOOK_S
    now = asyncio.get_running_loop().time
    until = now() + _PATIENCE_S
    while missing := await _unheard(hearing, missing):
        if now() >= until:
            services = ", ".join(sorted({service for service, _ in missing}))
            raise Unavailable(f"What you wrote ({services}) has not come this far yet; ask again shortly.", retry_after_s=1)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _LOOK_S_MAX)


async def _unheard(hearing: Hearing, wanted: Versions) -> dict[tuple[str, str], int]:
    async with hearing.db.reading() as tx:
        applied = {key: await hearing.applied(tx, service=key[0], aggregate=key[1]) for key in wanted}
    return {key: wanted[key] for key, version in applied.items() if version is not None and version < wanted[key]}
