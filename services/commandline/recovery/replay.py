"""`qsmo replay`: makes a service's read models anew from the facts beside those it serves, compares, and mends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from services.commandline.recovery.comparing import Difference, Key, Look, Owned, look, mend
from services.commandline.recovery.models import MODELS, Model
from services.commandline.recovery.opened import Installation, opened
from services.commandline.recovery.shadow import Shadow, Source, a_shadow
from services.commandline.recovery.standing import FOLLOWERS
from services.installation import DataFolder
from shared.db import Database
from shared.kernel.errors import Invalid

# What is on its way has arrived then, or there is a reason.
_ON_THE_WAY_S = 1.0
_LOOKS = 5


async def run(folder: DataFolder, *, service: str, model: str | None, source: Source, apply: bool) -> int:
    """0 when the rows are those that the facts make, with `apply` also when they are again.

    Raises Invalid for a model there is not, RuleViolation when the facts cannot be read from the first one on.
    """
    models = _wanted(service, model)
    async with opened(folder) as at:
        return await _replayed(at, service, models, source=source, apply=apply)


async def _replayed(at: Installation, service: str, models: Sequence[Model], *, source: Source, apply: bool) -> int:
    live = at.dbs[service]
    (follower,) = [each for each in FOLLOWERS if each.service == service]
    topics = list(dict.fromkeys(each.topic for each in models))
    async with a_shadow(follower, topics, source=source) as shadow:
        await shadow.follow(at)
        if wanted := await shadow.behind(live):
            await shadow.follow(at)
            await shadow.must_reach(wanted)
        found = await _settled(at, live, shadow, models)
        mended = {place for place, each in found.differences.items() if apply and await mend(live, follower, place, each)}
    sys.stdout.write(_report(service, found, mended, apply=apply))
    return 0 if not found.moved and found.differences.keys() <= mended else 1


def _wanted(service: str, model: str | None) -> list[Model]:
    if service not in MODELS:
        raise Invalid(f"{service} has no read model to replay; there are: {', '.join(MODELS)}.")
    names = {each.table.name: each for each in MODELS[service]}
    if model is not None and model not in names:
        raise Invalid(f"{service} has no {model!r}; there are: {', '.join(names)}.")
    return [each for name, each in names.items() if model in {None, name}]


async def _settled(at: Installation, live: Database, shadow: Shadow, models: Sequence[Model]) -> Look:
    """What two looks have seen is so; what only one has seen was on its way, or moves on."""
    found = before = await look(live, shadow, models)
    rows = before.rows
    for _ in range(_LOOKS):
        if not before.doubted:
            break
        await asyncio.sleep(_ON_THE_WAY_S)
        await shadow.follow(at)
        now = await look(live, shadow, models, only=before.doubted)
        twice = {place: each for place, each in now.differences.items() if before.differences.get(place) == each}
        found = Look(rows, twice, now.doubted - twice.keys())
        if not found.moved:
            break
        before = now
    return found


def _report(service: str, found: Look, mended: set[Owned], *, apply: bool) -> str:
    lines = []
    for place, differences in found.differences.items():
        end = "" if not apply else ", written" if place in mended else ", moved on meanwhile: not written"
        lines += [f"{service}: {_line(place[0], key, each)}{end}" for key, each in differences.items()]
    if found.moved:
        lines.append(
            f"{service}: {len(found.moved)} objects not compared: they move on, or it has not applied what was told of them"
        )
    count = sum(map(len, found.differences.values()))
    lines.append(f"{service}: {found.rows} rows compared with what the facts make, {count} differ.")
    return "\n".join(lines) + "\n"


def _line(model: Model, key: Key, each: Difference) -> str:
    columns = f" in {', '.join(each.columns)}" if each.columns else ""
    return f"{each.kind}: {model.table.name} {' '.join(map(str, key))}{columns}"
