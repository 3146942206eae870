"""Any text as a filter over HTTP: a result, or a 400 that says at which character. `QSMO_FUZZ_FILTERS=10000` for many."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from services.catalog.app import create_app
from services.catalog.config import Settings
from services.catalog.search.fields import FILTERS
from shared.kernel.cause import Cause
from tests.support import offerings
from tests.support.apps import Api, an_api
from tests.support.offerings import STATUSES, a_content, an_offering
from tests.support.search_filters import FilterMaker

FILTERS_TRIED = int(os.environ.get("QSMO_FUZZ_FILTERS", "600"))
SLOWEST_S = 2.0
OFFERINGS = 300
PLACE = re.compile(r"At character (\d+): |A filter has at most [\d,]+ ")
SYNTAX = "= != > >= < <= in IN and or not NOT ( ) (( )) , yes no moderate 7 -1 1e9 2026-01-31 2026-02-30 * ? [ ] { TO }"
FOREIGN = "\\ / ' ; -- % _ ~2 ^3 + && || $ne <script> é \u212a \u0131 \x7f \ud7ff \uffff \U0001f642"
PIECES = (
    *(*FILTERS, *SYNTAX.split(), *FOREIGN.split(), '"', '""', "\t", "\n", "\x00"),
    *("free = yes", "not " * 30, "(" * 21, "x" * 200, "9" * 400, str(1 << 53), str(1 << 64)),
)


def broken(chance: random.Random, text: str) -> str:
    """A filter with some of its characters taken out, put in, changed or said twice."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(text) + 1)
        piece = chance.choice(PIECES)
        end = at + chance.randrange(4)
        text = chance.choice(
            (text[:at] + text[end:], text[:at] + piece + text[at:], text[:at] + piece + text[end:], text[:at] * 2)
        )
    return text


def a_filter(chance: random.Random, maker: FilterMaker) -> str:
    match chance.randrange(5):
        case 0:
            return maker.make(chance.randrange(6)).text
        case 1 | 2:
            return broken(chance, maker.make(chance.randrange(4)).text)
        case 3:
            return chance.choice(("", " ")).join(chance.choices(PIECES, k=chance.randrange(1, 30)))
        case _:
            return "".join(
                chr(chance.choice((chance.randrange(128), chance.randrange(0xD800)))) for _ in range(chance.randrange(60))
            )


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What a filter says is decided before any database is asked."""
    return f"sqlite+aiosqlite:///{tmp_path / 'test.db'}"


async def test_any_filter_is_answered_or_refused_with_its_place_in_time(database_url: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    maker = FilterMaker(chance, {"provider": STATUSES, "vehicle": ("GSA MAS",), "vehicle_kind": ("mas_sin",)})
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        async with api.app.state.context.db.transaction(Cause(actor="tester", correlation_id="c-1")) as tx:
            await offerings.add(tx, [an_offering(f"o{n}", a_content(chance)) for n in range(OFFERINGS)])
        await api.app.state.context.search.catch_up()
        answered = sum([await is_answered(api, a_filter(chance, maker)) for _ in range(FILTERS_TRIED)])

    assert FILTERS_TRIED * 0.2 < answered < FILTERS_TRIED * 0.6  # both ends were tried


async def is_answered(api: Api, text: str) -> bool:
    began = time.monotonic()
    answer = await api.get(f"/v1/search/offerings?limit=1&facets=area,impact&filter={quote(text, safe='')}")
    assert time.monotonic() - began < SLOWEST_S, repr(text)
    if answer.status_code == 200:
        return True
    assert answer.status_code == 400, (repr(text), answer.text)
    (error,) = answer.json()["errors"]
    place = PLACE.match(error["detail"])
    assert error["pointer"] == "query:filter", repr(text)
    assert place, (repr(text), error)
    assert place[1] is None or 1 <= int(place[1]) <= len(text) + 1, (repr(text), error)
    return False
