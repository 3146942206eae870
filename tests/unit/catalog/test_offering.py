from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.catalog.domain import offering as domain
from services.catalog.domain.content import Authorization, Content, Coverage, CoverageLevel, Kind, changed_fields
from services.catalog.domain.marketplace import Status as MarketplaceStatus
from services.catalog.domain.offering import MACHINE, Offering, Status, Surroundings
from services.catalog.domain.origin import HAND, Origin, origins_of_old
from shared.kernel.errors import RuleViolation

OPEN = Surroundings(marketplaces={"cybersecurity": MarketplaceStatus.OPEN}, orderable=frozenset({"GSA MAS"}))
CLOSED = Surroundings(marketplaces={})
BY_HAND = Origin(source=HAND, by="somebody", at=datetime(2026, 1, 2, tzinfo=UTC))
REGISTER = Origin(source="fedramp", by="an import", at=datetime(2026, 1, 3, tzinfo=UTC))


def a_content(**more: Any) -> Content:
    covered = Coverage(fibf_id="CYB.060.030", coverage=CoverageLevel.YES)
    given = {"name": "VDP", "kind": Kind.SERVICE, "focus_areas": ("cybersecurity",), "fibf_coverage": (covered,), **more}
    return Content(**given)


def an_offering(status: Status, **more: Any) -> Offering:
    revision = 0 if status in {Status.DRAFT, Status.IN_REVIEW, Status.CHANGES_REQUESTED} else 1
    given = {"id": "o1", "version": 1, "code": "vdp", "status": status, "content": a_content(), "revision": revision, **more}
    return Offering(**given)


def act(offering: Offering, action: str) -> Offering:
    other = an_offering(Status.PUBLISHED, id="o2")
    return {
        "edit": lambda: domain.edit(offering, a_content(name="New"), origin=BY_HAND),
        "submit": lambda: domain.submit(offering, by="author"),
        "request-changes": lambda: domain.request_changes(offering, reason="more please"),
        "publish": lambda: domain.publish(offering, by="reviewer", around=OPEN),
        "revise": lambda: domain.revise(offering, a_content(name="New"), around=OPEN, origin=BY_HAND),
        "suspend": lambda: domain.suspend(offering, reason="an incident"),
        "reinstate": lambda: domain.reinstate(offering, around=OPEN),
        "retire": lambda: domain.retire(offering, reason=None, successor=other),
        "renew": lambda: domain.renew(offering, {"name": "New"}, origin=REGISTER),
    }[action]()


ACTIONS = ("edit", "submit", "request-changes", "publish", "revise", "suspend", "reinstate", "retire", "renew")
ALLOWED = {
    (Status.DRAFT, "edit"): Status.DRAFT,
    (Status.DRAFT, "submit"): Status.IN_REVIEW,
    (Status.IN_REVIEW, "request-changes"): Status.CHANGES_REQUESTED,
    (Status.IN_REVIEW, "publish"): Status.PUBLISHED,
    (Status.CHANGES_REQUESTED, "edit"): Status.DRAFT,
    (Status.CHANGES_REQUESTED, "submit"): Status.IN_REVIEW,
    (Status.PUBLISHED, "revise"): Status.PUBLISHED,
    (Status.PUBLISHED, "renew"): Status.PUBLISHED,
    (Status.PUBLISHED, "suspend"): Status.SUSPENDED,
    (Status.PUBLISHED, "retire"): Status.RETIRED,
    (Status.LISTED, "publish"): Status.PUBLISHED,
    (Status.LISTED, "revise"): Status.LISTED,
    (Status.LISTED, "renew"): Status.LISTED,
    (Status.LISTED, "retire"): Status.RETIRED,
    (Status.SUSPENDED, "reinstate"): Status.PUBLISHED,
    (Status.SUSPENDED, "renew"): Status.SUSPENDED,
    (Status.SUSPENDED, "retire"): Status.RETIRED,
}


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("action", ACTIONS)
def test_each_state_allows_exactly_its_actions(status: Status, action: str) -> None:
    target = ALLOWED.get((status, action))
    if target is not None:
        assert act(an_offering(status), action).status is target
        return
    with pytest.raises(RuleViolation) as refused:
        act(an_offering(status), action)
    assert refused.value.code == "transition-not-allowed"
    assert set(refused.value.allowed_actions) == {name for state, name in ALLOWED if state is status}


def test_the_table_and_the_code_name_the_same_actions() -> None:
    assert {t.action for t in MACHINE.transitions} == {*ACTIONS, "draft", "list"}


@pytest.mark.parametrize(
    ("content", "around", "missing"),
    [
        (a_content(focus_areas=()), OPEN, ("a focus area",)),
        (a_content(), CLOSED, ("an open marketplace for cybersecurity (it is not planned yet)",)),
        (
            a_content(focus_areas=("cybersecurity", "grants-management")),
            Surroundings(marketplaces={**OPEN.marketplaces, "grants-management": MarketplaceStatus.PLANNED}),
            ("an open marketplace for grants-management (it is planned)",),
        ),
        (a_content(fibf_coverage=()), OPEN, ("at least one FIBF activity covered",)),
        (
            a_content(fibf_coverage=(Coverage(fibf_id="CYB.060.030", coverage=CoverageLevel.NO),)),
            OPEN,
            ("at least one FIBF activity covered",),
        ),
        (
            a_content(kind=Kind.COMMERCIAL_PRODUCT),
            OPEN,
            ("a registered acquisition vehicle that can be ordered under (it names none), or is_free",),
        ),
        (
            a_content(kind=Kind.COMMERCIAL_PRODUCT, vehicles=("Ended", "Unknown")),
            OPEN,
            ("a registered acquisition vehicle that can be ordered under (Ended, Unknown), or is_free",),
        ),
    ],
)
def test_publishing_lists_everything_that_is_missing(content: Content, around: Surroundings, missing: tuple[str, ...]) -> None:
    for status in (Status.IN_REVIEW, Status.LISTED):
        with pytest.raises(RuleViolation) as refused:
            domain.publish(an_offering(status, content=content), by="reviewer", around=around)
        assert refused.value.missing == missing


@pytest.mark.parametrize("more", [{"vehicles": ("GSA MAS",)}, {"is_free": True}])
def test_a_commercial_product_needs_a_vehicle_or_is_free(more: dict[str, Any]) -> None:
    content = a_content(kind=Kind.COMMERCIAL_PRODUCT, **more)

    assert domain.publish(an_offering(Status.IN_REVIEW, content=content), by="r", around=OPEN).revision == 1


def test_whoever_submitted_does_not_publish() -> None:
    submitted = domain.submit(an_offering(Status.DRAFT), by="one and the same")

    with pytest.raises(RuleViolation) as refused:
        domain.publish(submitted, by="one and the same", around=OPEN)

    assert refused.value.code == "separation-of-duties"


def test_what_is_published_stays_publishable_when_revised_or_reinstated() -> None:
    with pytest.raises(RuleViolation, match="FIBF"):
        domain.revise(an_offering(Status.PUBLISHED), a_content(fibf_coverage=()), around=OPEN, origin=BY_HAND)
    with pytest.raises(RuleViolation, match="open marketplace"):
        domain.reinstate(an_offering(Status.SUSPENDED), around=CLOSED)


def test_only_new_content_makes_a_new_revision() -> None:
    published = an_offering(Status.PUBLISHED)

    assert domain.revise(published, a_content(), around=OPEN, origin=BY_HAND) is published
    revised = domain.revise(published, a_content(name="New"), around=OPEN, origin=BY_HAND)
    assert (revised.revision, revised.unrecorded) == (2, True)
    assert domain.suspend(published, reason="an incident").revision == 1


def test_retiring_needs_another_live_offering_or_a_reason() -> None:
    published = an_offering(Status.PUBLISHED)

    with pytest.raises(RuleViolation) as refused:
        domain.retire(published, reason=None, successor=None)
    assert refused.value.missing == ("a successor or a reason",)
    for successor in (published, an_offering(Status.RETIRED, id="o2"), an_offering(Status.DRAFT, id="o3")):
        with pytest.raises(RuleViolation, match="successor"):
            domain.retire(published, reason="replaced", successor=successor)
    assert domain.retire(published, reason="no longer offered", successor=None).status is Status.RETIRED


def listed(**more: Any) -> Offering:
    return replace(domain.listed(id="o1", code="vdp", content=a_content(**more), origin=REGISTER), version=1, unrecorded=False)


def test_what_was_set_by_hand_is_left_and_the_rest_follows_the_register() -> None:
    authorized = Authorization(status="authorized")
    edited = domain.revise(listed(), a_content(summary="Ours"), around=OPEN, origin=BY_HAND)
    said = {"name": "As the register says", "summary": "Theirs", "authorization": authorized}

    renewed = domain.renew(edited, said, origin=REGISTER)

    assert (renewed.content.name, renewed.content.summary) == ("As the register says", "Ours")
    assert renewed.content.authorization == authorized
    assert domain.left(edited, said) == ("summary",)
    assert domain.renew(renewed, said, origin=REGISTER) is renewed
    assert {name: origin.source for name, origin in renewed.origins.items()} == {
        "kind": "fedramp",
        "name": "fedramp",
        "focus_areas": "fedramp",
        "fibf_coverage": "fedramp",
        "summary": HAND,
        "authorization": "fedramp",
    }


def test_a_field_emptied_by_hand_stays_empty() -> None:
    edited = domain.revise(listed(website="https://example.com"), a_content(), around=OPEN, origin=BY_HAND)

    assert domain.renew(edited, {"website": "https://example.com"}, origin=REGISTER) is edited


def test_what_the_register_has_no_word_on_stays() -> None:
    assert domain.renew(listed(pricing="10 USD"), {"name": "VDP"}, origin=REGISTER).content.pricing == "10 USD"


def test_what_is_published_stays_in_its_areas_though_nobody_edited_it() -> None:
    published = domain.publish(listed(), by="reviewer", around=OPEN)
    said = {"name": "New", "focus_areas": ("grants-management",), "provider_id": "another"}

    renewed = domain.renew(published, said, origin=REGISTER)

    assert (renewed.content.name, renewed.content.focus_areas) == ("New", ("cybersecurity",))
    assert domain.left(published, said) == ("focus_areas", "provider_id")


def test_of_what_was_edited_before_origins_were_kept_the_register_changes_the_authorization_alone() -> None:
    authorized = Authorization(status="authorized")
    old = replace(listed(), curated=True, origins=origins_of_old())

    kept = domain.renew(old, {"name": "New", "authorization": authorized}, origin=REGISTER)

    assert (kept.content.name, kept.content.authorization) == ("VDP", authorized)


def test_changes_are_told_field_by_field() -> None:
    assert changed_fields(a_content(), a_content(name="New", pricing="10 USD")) == ("name", "pricing")
