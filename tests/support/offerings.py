"""Offerings made up by chance, and written as the catalog writes them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from services.catalog import facts, store
from services.catalog.domain.content import Authorization, Content, Coverage, CoverageLevel, Hosting, Kind, Shelf
from services.catalog.domain.offering import PUBLIC, Offering, Status
from shared.contracts import catalog as contracts
from shared.db import Transaction

WORDS = ("ledger", "payroll", "travel", "grants", "vulnerability", "disclosure", "Éditions", "records", "zebra", "invoices")
AREAS = ("cybersecurity", "grants-management", "human-resources")
LEVELS = ("low", "moderate", "high", "li_saas")
STATUSES = ("authorized", "ready", "in_process")
ACTIVITIES = ("CYB.060.030", "CYB.010.010", "FFM.010.020.011")
# So far off that no notice of an end is due.
_LAST_DAY = date(2090, 1, 1)


def a_content(chance: random.Random, *, providers: Sequence[str] = (), vehicles: Sequence[str] = ()) -> Content:
    words = chance.choices(WORDS, k=12)
    return Content(
        name=" ".join(words[:3]),
        kind=chance.choice([*Kind]),
        focus_areas=tuple(chance.sample(AREAS, chance.randrange(3))),
        summary=" ".join(words[3:8]),
        description=" ".join(words[8:]),
        shelf=chance.choice([None, *Shelf]),
        hosting=chance.choice([None, *Hosting]),
        provider_id=chance.choice([None, *providers]),
        is_free=chance.random() < 0.5,
        in_production=chance.random() < 0.5,
        onboarding_days=chance.choice([None, 1, 30, 365]),
        vehicles=tuple(chance.sample(vehicles, chance.randrange(len(vehicles) + 1))),
        fibf_coverage=tuple(
            Coverage(fibf_id=id_, coverage=chance.choice([*CoverageLevel]))
            for id_ in chance.sample(ACTIVITIES, chance.randrange(3))
        ),
        authorization=chance.choice([None, _an_authorization(chance)]),
    )


def _an_authorization(chance: random.Random) -> Authorization:
    return Authorization(
        status=chance.choice(STATUSES),
        impact_level=chance.choice((None, *LEVELS)),
        service_models=tuple(chance.sample(("saas", "paas", "iaas"), chance.randrange(4))),
        expires_on=chance.choice((None, _LAST_DAY - timedelta(days=chance.randrange(1_500)))),
    )


def an_offering(id_: str, content: Content, *, status: Status = Status.PUBLISHED, source: str | None = None) -> Offering:
    revision = 1 if status in PUBLIC else 0
    return Offering(
        id=id_,
        version=1,
        code=f"code-{id_}",
        status=status,
        content=content,
        revision=revision,
        source=source,
        unrecorded=bool(revision),
    )


async def add(tx: Transaction, offerings: Sequence[Offering]) -> list[Offering]:
    """As they are after the write."""
    await store.offerings.add_all(tx, _told(offerings, contracts.OfferingDrafted))
    return [replace(o, unrecorded=False) for o in offerings]


async def save(tx: Transaction, offerings: Sequence[Offering]) -> list[Offering]:
    """As they are after the write."""
    await store.offerings.save_all(tx, _told(offerings, contracts.OfferingRevised))
    return [replace(o, version=o.version + 1, unrecorded=False) for o in offerings]


def _told(offerings: Sequence[Offering], kind: type[contracts.OfferingFact]) -> list[tuple[Offering, contracts.OfferingFact]]:
    return [(o, facts.offering(kind, o, provider_name=None)) for o in offerings]
