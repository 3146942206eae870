"""Files of the real shape in any size, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

_FUNCTIONS = ("Finance", "Human Resources", "Grant Management", "Cybersecurity & Risk Management", "Analytics", "Collaboration")
_WORDS = [
    "secure",
    "cloud",
    "platform",
    "for",
    "federal",
    "agencies",
    "with",
    "audited",
    "controls",
    "workflow",
    "ledger",
    "case",
    "records",
    "payroll",
    "grants",
]


def products(count: int, *, seed: int = 1) -> Iterator[dict[str, Any]]:
    """FedRAMP products of about 1.3 KB each."""
    chance = random.Random(seed)
    for n in range(count):
        name = f"Product {n} {chance.choice(_WORDS)}"
        yield {
            "id": f"FR{n:08}",
            "name": f"Provider {n % 900}",
            "csp": f"Provider {n % 900}",
            "cso": name,
            "service_offering": name,
            "status": chance.choice(("FedRAMP Authorized", "FedRAMP In Process", "FedRAMP Ready")),
            "authorization": chance.randrange(5),
            "reuse": chance.randrange(30),
            "ready_date": "No FRR Date",
            "auth_date": f"20{chance.randrange(14, 25)}-0{chance.randrange(1, 9)}-1{chance.randrange(9)}T20:00:00.000Z",
            "auth_type": chance.choice(("Agency", "JAB")),
            "partnering_agency": "Not In Process",
            "annual_assessment": "08/11",
            "independent_assessor": f"Assessor {n % 40}",
            "service_model": [chance.choice(("SaaS", "PaaS", "IaaS"))],
            "deployment_model": "Government Community Cloud",
            "impact_level": chance.choice(("Low", "LI-SaaS", "Moderate", "High")),
            "leveraged_systems": [],
            "agency_authorizations": [],
            "agency_reuse": [""],
            "service_desc": " ".join(chance.choices(_WORDS, k=60)),
            "sales_email": "",
            "website": "https://example.gov",
            "uei": "",
            "small_business": chance.choice(("Yes", "No")),
            "business_function": [chance.choice(_FUNCTIONS)],
        }


def write_marketplace(path: Path, *, product_count: int) -> int:
    """A marketplace file with nothing but products; returns its size in bytes."""
    with path.open("wb") as file:
        file.write(b'{"meta": {}, "data": {"Products": [')
        for n, product in enumerate(products(product_count)):
            file.write((b"," if n else b"") + orjson.dumps(product))
        file.write(b'], "Agencies": [], "AtoMapping": [], "ReuseMapping": []}}')
    return path.stat().st_size
