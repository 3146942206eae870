"""Fills a served installation with what agencies do, over its API, so that pages have something to show."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx

from services.installation import DataFolder
from tests.support.installation import Installation

CYBER = "cybersecurity"
# Agency code → the offerings that it adopts.
ADOPTED = {
    "012": ("vulnerability-disclosure-platform", "soc-services"),
    "016": ("vulnerability-disclosure-platform",),
    "091": ("protective-dns",),
    "014": ("soc-services", "protective-dns"),
}
_KNOWN_S = 30.0
_SAVED = (("baseline", "1200000"), ("estimate", "310000"), ("target", "280000.50"))


class Caller:
    """Somebody with a role; `subject` is the person."""

    def __init__(self, installation: Installation, role: str, *, subject: str = "sapoc") -> None:
        token = DataFolder(installation.data).issuer.token(subject=subject, roles=[role])
        self._base, self.headers = installation.url, {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, *, etag: str | None = None, **options: Any) -> httpx.Response:
        headers = self.headers if etag is None else {**self.headers, "If-Match": etag}
        return httpx.request(method, self._base + path, headers=headers, timeout=30, **options)

    def move(self, path: str, action: str, body: Any) -> None:
        """As it stands now, whatever that is."""
        answer = self.ask("POST", f"{path}/{action}", json=body, etag=self.ask("GET", path).headers["etag"])
        assert answer.is_success, answer.text

    def post(self, path: str, body: Any) -> dict[str, Any]:
        answer = self.ask("POST", path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())


def known(get: Callable[[], httpx.Response]) -> Any:
    """What is read, once it is there: the starter data come in a moment after the start. Raises AssertionError."""
    until = time.monotonic() + _KNOWN_S
    while not (answer := get()).is_success:
        assert time.monotonic() < until, answer.text
        time.sleep(0.1)
    return answer.json()


def agency_id(installation: Installation, code: str) -> str:
    return str(known(lambda: httpx.get(f"{installation.url}/v1/organizations/by-key/cgac/{code}"))["id"])


def offering_id(installation: Installation, code: str) -> str:
    return str(known(lambda: httpx.get(f"{installation.url}/v1/offerings/by-key/code/{code}"))["id"])


def furnish(installation: Installation) -> None:
    """Agencies begin to adopt, enter what they save, and list systems that do the same, of which one is gone."""
    for code, offerings in ADOPTED.items():
        by, agency = Caller(installation, f"agency:{code}:sapoc"), agency_id(installation, code)
        for offering in offerings:
            body = {"agency_id": agency, "offering_id": offering_id(installation, offering)}
            started = known(partial(by.ask, "POST", "/v1/adoptions", json=body))
            for year in (2026, 2027):
                for kind, amount in _SAVED:
                    entry = {"fiscal_year": year, "kind": kind, "amount": amount, "hours": 40, "confidence": "medium"}
                    told = {"method": "Counted by the budget office", "source": "Budget", **entry}
                    by.post(f"/v1/adoptions/{started['id']}/savings", told)
        _systems(by, agency, code)


def _systems(by: Caller, agency: str, code: str) -> None:
    for number in ("1", "2"):
        by.post(
            "/v1/systems",
            {
                "agency_id": agency,
                "number": f"{code}-{number}",
                "name": f"Alert console {number}",
                "focus_area": CYBER,
                "capabilities": ["CYB.060.030", "CYB.060.040"],
                "costs": {"2026": {"operation": {"amount": "450000.00"}}},
            },
        )
