"""What the words of the designation tiles mean: areas, phases, lead agencies and services, each written in many ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from services.registry.domain.designation import Status
from services.registry.domain.names import normalize

_TYPO_LIKENESS = 0.85
_LOOSE_WORDS = frozenset({"and", "services", "service", "management"})

# By the tile's title and by its file name without the sorting number: both were renamed over time.
_AREAS = {
    "cybersecurity services": "cybersecurity",
    "core financial management": "financial-management",
    "grants management": "grants-management",
    "civilian hr transaction services": "human-resources",
    "human resources": "human-resources",
    "acquisition": "acquisition",
    "assisted acquisition": "acquisition",
    "contract writing systems": "contract-writing",
    "customer experience": "customer-experience",
    "foia": "foia",
    "real property management": "real-property",
    "travel": "travel",
}
_FILES = {
    "cybersecurity": "cybersecurity",
    "cyber-pre": "cybersecurity",
    "financial": "financial-management",
    "finance": "financial-management",
    "grants": "grants-management",
    "hr": "human-resources",
    "hr-transaction": "human-resources",
    "acquisition": "acquisition",
    "contract": "contract-writing",
    "cx": "customer-experience",
    "foia": "foia",
    "property": "real-property",
    "travel": "travel",
}
_PHASES = {
    "initiation and research": Status.RESEARCH,
    "assessment and pre designation": Status.PRE_DESIGNATED,
    "pre designated": Status.PRE_DESIGNATED,
    "pre designation": Status.PRE_DESIGNATED,
    "formal designation": Status.DESIGNATED,
    "formally designated": Status.DESIGNATED,
}
# The codes of agencies that tiles name by abbreviation; "DHS CISA" is the component.
_LEADS = {
    "dhs": "cgac:070",
    "dhs cisa": "subtier:7061",
    "treasury": "cgac:020",
    "gsa": "cgac:047",
    "hhs": "cgac:075",
    "opm": "cgac:024",
}
# What is researched while a tile still says "TBD" for services.
_RESEARCHED = {
    "acquisition": ("assisted-acquisition",),
    "contract-writing": ("contract-writing-systems",),
    "customer-experience": ("customer-experience",),
    "foia": ("foia",),
    "real-property": ("real-property-management",),
    "travel": ("travel",),
}
# Phrases, not comma-separated items: "Enterprise Intrusion, Detection/Prevention" is one service.
_SERVICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cybersecurity": {
        "security operations center standardization": ("soc-standardization",),
        "security operations": ("soc-standardization",),
        "vulnerability management standardization": ("vulnerability-management",),
        "vulnerability management": ("vulnerability-management",),
        "dns resolver service": ("dns-resolver",),
        "dns services": ("dns-resolver",),
        "network defense": ("network-defense",),
        "incident management": ("incident-management",),
        "threat intelligence": ("threat-intelligence",),
        "enterprise intrusion detection prevention": ("intrusion-detection-and-prevention",),
        "cyber supply chain risk management": ("supply-chain-risk-management",),
        "hardware software asset management": ("asset-management",),
        "digital identity and access management": ("identity-and-access-management",),
        "data protection": ("data-protection",),
        "mobile security services": ("mobile-security",),
    },
    "financial-management": {
        "accounts payable": ("accounts-payable",),
        "accounts receivable": ("accounts-receivable",),
        "general ledger": ("general-ledger",),
        "reporting": ("reporting",),
    },
    "human-resources": {
        "talent acquisition": ("talent-acquisition",),
        "talent development": ("talent-development",),
        "employee performance management": ("employee-performance-management",),
        "compensation and benefits management": ("compensation", "benefits-management"),
        "benefits management": ("benefits-management",),
        "compensation management": ("compensation",),
        "work schedule and leave management": ("work-schedule-and-leave",),
        "work schedule leave management": ("work-schedule-and-leave",),
        "newpay": ("compensation", "work-schedule-and-leave"),
    },
    "grants-management": {
        "grant program administration and oversight": ("grant-program-administration-and-oversight",),
        "management of grant pre award award post award and closeout": ("grant-award-management",),
        "grant recipient oversight initial focus may be a single audit solution": ("grant-recipient-oversight",),
        "grant recipient oversight": ("grant-recipient-oversight",),
    },
    "acquisition": {
        "acquisition systems": ("acquisition-systems",),
        "assisted acquisition": ("assisted-acquisition",),
    },
}


def area_of(name: str, file: str) -> str | None:
    """The slug of the focus area by title (a typo forgiven) or else by file; None when they name none, or two."""
    stem = re.sub(r"^\d+-|\.md$", "", file.strip().casefold())
    by_file = _FILES.get(stem)
    title = normalize(name)
    near = get_close_matches(title, _AREAS, n=1, cutoff=_TYPO_LIKENESS)
    by_name = _AREAS[near[0]] if near else None
    if by_name and by_file and by_name != by_file:
        return None
    return by_name or by_file


def status_of(phase: str) -> Status | None:
    return _PHASES.get(normalize(phase))


def is_open(text: str) -> bool:
    """Whether a field says that its content is yet to come."""
    return normalize(text) in {"", "tbd"}


def is_placeholder(text: str) -> bool:
    """Whether a field was filled with x's, as drafts of tiles are."""
    return bool(re.fullmatch(r"[x,\s]+", text.strip().casefold()))


def lead_code(agency: str) -> str | None:
    return _LEADS.get(normalize(agency))


def researched_services(area: str) -> tuple[str, ...]:
    return _RESEARCHED.get(area, ())


def services_in(area: str, text: str) -> tuple[tuple[str, ...], str]:
    """The services that the text names, in its order, and the words in it that name none."""
    whole = rest = f" {normalize(text)} "
    found: dict[str, int] = {}
    known = _SERVICES.get(area, {})
    for phrase in sorted(known, key=lambda phrase: (-len(phrase), phrase)):
        if f" {phrase} " in rest:
            rest = rest.replace(f" {phrase} ", " ")
            found |= dict.fromkeys(known[phrase], whole.index(f" {phrase} "))
    services = tuple(sorted(found, key=lambda service: found[service]))
    return services, " ".join(word for word in rest.split() if word not in _LOOSE_WORDS)
