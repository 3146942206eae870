from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.catalog.domain import offering as domain
from services.catalog.domain.content import Authorization, Content, Coverage, CoverageLevel, Kind, changed_fields
from services.catalog.domain.marketplace import Status as MarketplaceStatus
from services.catalog.domain.offering import MACHINE, Offering, Status, Surroundings
from shared.kernel.errors import RuleViolation

OPEN = Surroundings(marketplaces={"cybersecurity": MarketplaceStatus.OPEN}, orderable=frozenset({"GSA MAS"}))
CLOSED = Surroundings(marketplaces={})


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
        "edit": lambda: domain.edit(offering, a_content(name="New")),
        "submit": lambda: domain.submit(offering, by="author"),
        "request-changes": lambda: domain.request_changes(offering, reason="more please"),
        "publish": lambda: domain.publish(offering, by="reviewer", around=OPEN),
        "revise": lambda: domain.revise(offering, a_content(name="New"), around=OPEN),
        "suspend": lambda: domain.suspend(offering, reason="an incident"),
        "reinstate": lambda: domain.reinstate(offering, around=OPEN),
        "retire": lambda: domain.retire(offering, reason=None, successor=other),
        "renew": lambda: domain.renew(offering, a_content(name="New")),
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
        domain.revise(an_offering(Status.PUBLISHED), a_content(fibf_coverage=()), around=OPEN)
    with pytest.raises(RuleViolation, match="open marketplace"):
        domain.reinstate(an_offering(Status.SUSPENDED), around=CLOSED)


def test_only_new_content_makes_a_new_revision() -> None:
    published = an_offering(Status.PUBLISHED)

    assert domain.revise(published, a_content(), around=OPEN) is published
    revised = domain.revise(published, a_content(name="New"), around=OPEN)
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


def test_the_register_replaces_a_listed_offering_and_only_the_authorization_of_one_that_a_qsmo_edited() -> None:
    authorized = Authorization(status="authorized")
    told = a_content(name="As the register says", authorization=authorized)
    listed = an_offering(Status.LISTED)

    taken = domain.renew(listed, told)
    kept = domain.renew(replace(listed, curated=True), told)

    assert taken.content == told
    assert (kept.content.name, kept.content.authorization) == ("VDP", authorized)
    assert domain.renew(taken, told) is taken


def test_changes_are_told_field_by_field() -> None:
    assert changed_fields(a_content(), a_content(name="New", pricing="10 USD")) == ("name", "pricing")
