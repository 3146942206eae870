"""Rows ↔ adoption domain."""

from services.adoption.store.accounting import savings, systems
from services.adoption.store.adoptions import adoptions, pair
from services.adoption.store.agreements import AgreementVersion, agreed, agreements
from services.adoption.store.annual_plans import annual_plans
from services.adoption.store.feedback import feedbacks
from services.adoption.store.findings import correction, findings
from services.adoption.store.iaps import iap_thresholds, iaps
from services.adoption.store.known import (
    KnownOffering,
    KnownOrganization,
    candidate,
    known_offering,
    known_organization,
    vehicle,
    with_all_below,
)
from services.adoption.store.needs import needs
from services.adoption.store.profiles import profiles, standings_of
from services.adoption.store.provider_cases import provider_cases
from services.adoption.store.shortlists import demands, shortlists
from services.adoption.store.slas import slas
from services.adoption.store.work import playbook_items

__all__ = [
    "AgreementVersion",
    "KnownOffering",
    "KnownOrganization",
    "adoptions",
    "agreed",
    "agreements",
    "annual_plans",
    "candidate",
    "correction",
    "demands",
    "feedbacks",
    "findings",
    "iap_thresholds",
    "iaps",
    "known_offering",
    "known_organization",
    "needs",
    "pair",
    "playbook_items",
    "profiles",
    "provider_cases",
    "savings",
    "shortlists",
    "slas",
    "standings_of",
    "systems",
    "vehicle",
    "with_all_below",
]
