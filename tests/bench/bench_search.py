"""Search at scale: words, three filters and five facets, beside the raw index asked the same; and what growth costs."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.catalog.search import OfferingIndex, Sight, Wanted, parse_filter
from services.catalog.search.fields import IMPACT_LEVELS
from services.catalog.search.index import counting

pytestmark = pytest.mark.bench
# A million: QSMO_BENCH_OFFERINGS=10000,100000,1000000.
SIZES = [int(size) for size in os.environ.get("QSMO_BENCH_OFFERINGS", "10000,100000").split(",")]
RUNS = 100
WORDS = [
    "cloud",
    "secure",
    "identity",
    "access",
    "ledger",
    "payroll",
    "grants",
    "travel",
    "records",
    "analytics",
    "platform",
    "mobile",
    "network",
    "endpoint",
    "threat",
    "vulnerability",
    "disclosure",
    "payment",
    "invoice",
    "budget",
    "procurement",
    "contract",
    "workforce",
    "learning",
    "hiring",
    "benefits",
    "case",
    "survey",
    "geospatial",
    "mapping",
    "backup",
    "recovery",
    "email",
    "video",
    "signature",
    "integration",
    "data",
    "lake",
    "warehouse",
    "reporting",
    "dashboard",
    "monitoring",
    "logging",
    "encryption",
    "key",
    "management",
    "container",
    "automation",
    "robotic",
    "process",
    "intelligence",
    "machine",
    "translation",
]
# As in real texts, a few words are everywhere and most are rare.
VOCABULARY = [*WORDS, *(f"{first}{second}" for first in WORDS for second in WORDS if first != second)]
RANKED = [1 / (rank + 10) for rank in range(len(VOCABULARY))]
FILTER = "area = cybersecurity and impact >= moderate and not status = suspended"
FACETS = ("kind", "shelf", "authorization", "service_model", "provider_kind")


def a_document(number: int, chance: random.Random) -> dict[str, Any]:
    level = chance.randrange(4)
    words = chance.choices(VOCABULARY, RANKED, k=60)
    return {
        "id": f"o-{number}",
        "tag": number,
        "sort_name": f"{words[0]}{number:07}",
        "public": True,
        "name": f"{words[0]} {words[1]} {number}",
        "code_text": f"FR{number:010}",
        "provider_text": f"Company {number % 997}",
        "summary": " ".join(words[:15]),
        "functions_text": words[2],
        "coverage_text": f"FFM.{number % 11:03}.010",
        "body": " ".join(words),
        "area": [chance.choice(("cybersecurity", "financial-management", "human-resources", "grants-management"))],
        "kind": [chance.choice(("service", "commercial_product", "tool"))],
        "status": [chance.choice(("published", "listed", "suspended"))],
        "shelf": [chance.choice(("mandated", "recommended", "optional"))],
        "authorization": [chance.choice(("authorized", "ready", "in_process"))],
        "service_model": chance.sample(("saas", "paas", "iaas"), chance.randint(1, 2)),
        "provider_kind": [chance.choice(("federal", "commercial"))],
        "impact": level,
        "impact_word": [IMPACT_LEVELS[level]],
        "revision": 1,
    }


def questions(chance: random.Random) -> Iterator[str]:
    while True:
        yield " ".join(chance.sample(WORDS, 2))


@pytest.mark.parametrize("size", SIZES)
def test_search_beside_the_raw_index(size: int) -> None:
    chance = random.Random(size)
    index = OfferingIndex()
    try:
        began = time.perf_counter()
        for batch in batched_documents(size, chance):
            index.put(batch)
        built = time.perf_counter() - began
        asked = [next(questions(chance)) for _ in range(RUNS)]
        wanted = [Wanted(text=text, filter=parse_filter(FILTER), facets=FACETS, limit=20) for text in asked]
        own, raw = [], []
        for each in wanted:
            own.append(timed(partial(index.search, each, Sight())))
            raw.append(timed(partial(raw_search, index, each)))
        one = timed(lambda: index.put([a_document(1, chance)]))
        stored = sum(path.stat().st_size for path in Path(index._folder.name).iterdir()) / 2**20
    finally:
        index.close()
    rate = f"built in {built:.1f} s ({size / built:,.0f}/s), {stored:.0f} MiB"
    print(f"\n{size:,} offerings: {rate}; one more is found after {one * 1e3:.0f} ms")
    print(f"  search  {figures(own)}\n  raw     {figures(raw)}  ratio of p95 {at(own, 95) / at(raw, 95):.2f}")
    assert at(own, 95) <= 2 * at(raw, 95)


def batched_documents(size: int, chance: random.Random) -> Iterator[list[dict[str, Any]]]:
    made = (a_document(number, chance) for number in range(size))
    while batch := [document for _, document in zip(range(20_000), made, strict=False)]:
        yield batch


def raw_search(index: OfferingIndex, wanted: Wanted) -> None:
    """The same query and counts, straight to the library, without reading ids back."""
    searcher = index._searcher
    query = index._query(wanted, Sight(), index._words.reading(wanted.text, searcher))
    searcher.search(query, wanted.limit, count=True)
    searcher.aggregate(query, counting(wanted.facets))


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def at(samples: list[float], percent: int) -> float:
    return sorted(samples)[min(len(samples) - 1, len(samples) * percent // 100)] * 1e3


def figures(samples: list[float]) -> str:
    return ", ".join(f"p{percent} {at(samples, percent):.1f} ms" for percent in (50, 95, 99))
