"""Relevance over the real products and the starter offerings: queries judged by hand, nDCG at ten."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest

from services.catalog.domain.content import Content
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.provider import Kind as ProviderKind
from services.catalog.domain.provider import Provider
from services.catalog.importers.fedramp_product import read_product
from services.catalog.importers.starter import starter
from services.catalog.search import OfferingIndex, Sight, Wanted
from services.catalog.search.fields import document
from tests.support.real_data import REAL_DATA, needs_real_data

pytestmark = needs_real_data
GOAL = 0.85

# Query → beginning of an offering's name → how good an answer it is: 3 the one meant, 2 good, 1 of some use. Judged by reading
# names, providers and descriptions; what is not named is worth nothing.
JUDGED: Mapping[str, Mapping[str, int]] = {
    # one offering is meant
    "vulnerability disclosure platform": {
        "Vulnerability Disclosure": 3,
        "HackerOne": 2,
        "On-Demand Security": 2,
        "Bugcrowd": 2,
    },
    "VDP": {"Vulnerability Disclosure": 3, "HackerOne": 2, "On-Demand Security": 2, "Bugcrowd": 2},
    "protective dns": {"Protective DNS": 3, "Protective Domain": 3},
    "tenable": {"Tenable.io": 3, "Tenable Cloud Security": 3},
    "g-invoicing": {"G-Invoicing": 3},
    "grants.gov": {"Grants.gov": 3},
    "usa staffing": {"USA Staffing": 3},
    "sam.gov entity": {"SAM.gov": 3, "System for Award": 3, "SAM": 3},
    "zoom": {"Zoom for Government": 3},
    "slack": {"Slack": 3},
    "webex": {"Webex for Government": 3},
    "arcgis": {"ArcGIS Online": 3},
    "esri": {"ArcGIS Online": 3, "Esri Managed": 3},
    "crowdstrike falcon": {"CrowdStrike Falcon": 3},
    "qualtrics": {"Qualtrics": 3},
    "workday": {"Workday Government Cloud": 3},
    "cornerstone talent": {"Cornerstone Unified": 3, "Unified Talent": 3},
    "docusign": {"DocuSign": 3},
    "okta identity": {"Okta": 3},
    "xacta": {"Xacta": 3},
    "databricks": {"Databricks on AWS GovCloud": 3, "Databricks on AWS US": 3},
    "snowflake": {"The Data Cloud on AWS GovCloud": 3, "The Data Cloud on AWS US": 3, "The Data Cloud on Azure": 3},
    "splunk": {
        "Splunk Cloud Platform for FedRAMP High": 3,
        "Splunk Cloud Platform for FedRAMP Mod": 3,
        "Splunk Observability": 3,
    },
    "box high": {"Box Enterprise Cloud Content Collaboration Platform - High": 3, "Box Enterprise": 2},
    "adobe sign": {"Adobe Acrobat Sign": 3, "Adobe Document Cloud": 2},
    "sailpoint": {"SailPoint": 3},
    "cloud.gov": {"CG-TTS": 3, "CG": 3},
    "concur travel": {"Concur Cloud": 3},
    "relativity": {"RelativityOne": 3},
    "zscaler private access": {"Zscaler Private Access": 3},
    # typing errors and beginnings
    "crowdstike": {"CrowdStrike Falcon": 3},
    "qualtrix": {"Qualtrics": 3},
    "databrics": {"Databricks on AWS GovCloud": 3, "Databricks on AWS US": 3},
    "salesfoce": {"Salesforce Government": 3, "Public Sector Solutions": 3, "PSS": 3},
    "smartshet": {"Smartsheet Gov": 3},
    "vulnerabilty disclosure": {"Vulnerability Disclosure": 3, "HackerOne": 2, "On-Demand Security": 2, "Bugcrowd": 2},
    "servicenw": {"ServiceNow": 3, "Government Community Cloud": 2},
    "proofpoit archive": {"Proofpoint Email Archive": 3},
    # acronyms and synonyms
    "SOC": {"Security Operations Center": 3, "Quzara Cybertorch": 3},
    "security operations center": {"Security Operations Center": 3, "Quzara Cybertorch": 3},
    "threat intelligence sharing": {"Shared Cyber Threat": 3, "Threat Intelligence": 3, "ThreatConnect": 2, "Cyware": 2},
    "CDM": {"Continuous Diagnostics": 3},
    "continuous diagnostics and mitigation": {"Continuous Diagnostics": 3},
    "managed print": {"Canon Office Cloud": 3, "Xerox Managed Print": 3, "HP Managed Print": 3},
    "mobile app vetting": {"Mobile Application Vetting": 3, "NowSecure": 2},
    "accounts payable invoices": {"Invoice Processing": 3},
    "ev charging": {"CP Fed Cloud": 3, "BLINK GOV": 3, "Atom Power": 3, "Omega Charge": 3, "Electric Vehicle Infra": 3},
    "contract writing": {"Contracting SaaS": 3, "AEON": 3, "PRISM": 3},
    "mass notification": {"Critical Event Management": 3, "BlackBerry Cloud": 3, "Rave Safety": 3, "ReadyOp": 2},
    "phishing training": {"Cofense PhishMe": 3, "KnowBe4": 3},
    # a need in the agency's words
    "asset management sunflower": {"Sunflower Asset Management": 3},
    "electronic discovery": {"RelativityOne": 3, "Casepoint": 3, "Complete Discovery": 3, "Repario": 3, "Everlaw": 3},
    "construction project management": {
        "ProjectTeam": 3,
        "Trimble Unity Construct": 3,
        "Aconex": 3,
        "Autodesk": 2,
        "Kahua": 3,
        "Procore": 3,
    },
    "body camera digital evidence": {"US Axon FedCloud": 3, "Veritone": 3, "Axon": 3},
    "pen test": {"On-Demand Security": 3, "HackerOne": 2},
    "genomics research": {"Seven Bridges": 3, "DNAnexus": 3, "Terra": 3, "ROSALIND": 3},
    "medical residency matching": {"iMatch": 3},
    "library management": {"WorldShare": 3, "Bibliovation": 3},
    "relocation": {"Virtual Employee Network": 3, "mLINQS": 3},
    "supply chain illumination": {"Ark.ai": 3, "Altana": 3, "Supply Chain": 2, "Exiger": 3, "Interos": 3},
    "survey customer experience": {"Qualtrics": 3, "Customer Feedback": 3, "Medallia": 3},
    "public records of grants awards": {"USAspending": 3, "Grants": 1},
    "payment collection pay.gov": {"Pay.gov": 3},
    "password vault privileged access": {"CyberArk": 3, "Secure Remote Access": 2, "Delinea": 3, "Keeper": 3, "BeyondTrust": 3},
    "single audit clearinghouse": {"Federal Audit": 3, "Single Audit": 3},
}


def gain(name: str, wanted: Mapping[str, int]) -> int:
    return max((grade for beginning, grade in wanted.items() if name.startswith(beginning)), default=0)


def ndcg(names: list[str], everything: list[str], wanted: Mapping[str, int]) -> float | None:
    """None when nothing that is judged is on offer."""
    best = sorted((gain(name, wanted) for name in everything), reverse=True)[:10]
    reached = sum((2 ** gain(name, wanted) - 1) / math.log2(rank + 2) for rank, name in enumerate(names[:10]))
    ideal = sum((2**grade - 1) / math.log2(rank + 2) for rank, grade in enumerate(best))
    return reached / ideal if ideal else None


def offerings() -> Iterator[tuple[Offering, str]]:
    for number, offering in enumerate(starter().offerings):
        yield an_offering(f"s{number}", offering.code, offering.content), offering.provider
    snapshot = orjson.loads((REAL_DATA / "fedramp" / "marketplace-2025-01-20.json").read_bytes())
    for number, row in enumerate(snapshot["data"]["Products"]):
        product = read_product(row)
        yield an_offering(f"f{number}", product.code, product.content, Status.LISTED), product.provider_name


def an_offering(id_: str, code: str, content: Content, status: Status = Status.PUBLISHED) -> Offering:
    return Offering(id=id_, version=1, code=code, status=status, content=content, revision=1)


@pytest.fixture(scope="module")
def searched() -> Iterator[tuple[OfferingIndex, dict[str, str]]]:
    index = OfferingIndex()
    names, made = {}, []
    for offering, provider_name in offerings():
        provider = Provider(id="p", version=1, key="p", name=provider_name, kind=ProviderKind.COMMERCIAL)
        made.append(document(offering, provider, vehicle_kinds={}, titles={}))
        names[offering.id] = offering.content.name
    index.put(made)
    yield index, names
    index.close()


def test_judged_queries_find_what_is_meant(searched: tuple[OfferingIndex, dict[str, str]]) -> None:
    index, names = searched
    scores: dict[str, float] = {}
    for query, wanted in JUDGED.items():
        found = [names[id_] for id_ in index.search(Wanted(text=query, limit=10), Sight()).ids]
        score = ndcg(found, list(names.values()), wanted)
        if score is not None:
            scores[query] = score
    worst = sorted(scores.items(), key=lambda each: each[1])[:12]

    assert len(scores) >= 60, sorted(set(JUDGED) - set(scores))
    assert sum(scores.values()) / len(scores) >= GOAL, worst


def test_each_query_finds_something_on_its_page(searched: tuple[OfferingIndex, dict[str, Any]]) -> None:
    index, names = searched

    empty = [
        q for q, wanted in JUDGED.items() if not any(gain(names[i], wanted) for i in index.search(Wanted(text=q), Sight()).ids)
    ]

    assert len(empty) <= len(JUDGED) * 0.1, empty
