from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import generate
from shared.contracts.adoption import AdoptionWentLive
from shared.contracts.catalog import OfferingDrafted, OfferingPublished
from shared.contracts.envelope import Event, MalformedEvent, instant
from shared.contracts.fact import FACTS, Visibility
from shared.contracts.registry import OrganizationRegistered
from tests.support.tally import an_event

ATTRIBUTE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)


def an_offering(kind: type[Any], **changes: Any) -> Any:
    values = {"offering_id": "o", "code": "c", "name": "n", "kind": "service", "status": "published", "revision": 1}
    return kind(**{**values, **changes})


@given(
    subject=ATTRIBUTE, actor=ATTRIBUTE, version=st.integers(1, 10**9), cause=st.none() | ATTRIBUTE, area=st.none() | ATTRIBUTE
)
def test_an_event_survives_headers_and_back(
    subject: str, actor: str, version: int, cause: str | None, area: str | None
) -> None:
    event = Event(
        id="e-1",
        source="/registry",
        type="qsmo.registry.organization.registered.v1",
        subject=subject,
        time="2020-04-27T00:00:00.000000Z",
        data=b'{"a":1}',
        aggregate_version=version,
        actor=actor,
        correlation_id="c",
        causation_id=cause,
        focus_area=area,
    )

    assert Event.from_headers(event.headers(), event.data) == event
    assert orjson.loads(event.structured(seq=5)) == {
        **event.attributes(),
        "aggregateversion": version,
        "seq": 5,
        "data": {"a": 1},
    }


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_subject", "ce_aggregateversion", "ce_actor"])
def test_an_event_without_a_required_attribute_names_it(name: str) -> None:
    headers = {key: value for key, value in an_event("a", 1).headers().items() if key != name}

    with pytest.raises(MalformedEvent, match=name.removeprefix("ce_")):
        Event.from_headers(headers, b"{}")


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        instant(datetime(2020, 4, 27))  # noqa: DTZ001 - the fault under test


def test_every_fact_has_a_schema_a_version_and_a_topic_of_its_owner() -> None:
    generate.schemas()

    for name, fact in FACTS.items():
        prefix, service, _, _, version = name.split(".")
        assert (prefix, version) == ("qsmo", "v1"), name
        assert fact.model_json_schema()["type"] == "object"
        assert an_event("a", 1).topic == "qsmo.registry"
        assert service in {"registry", "catalog", "adoption", "gateway"}


def test_readers_ignore_what_they_do_not_know() -> None:
    fact = OrganizationRegistered(organization_id="o", name="CISA", kind="component")
    document = {**orjson.loads(fact.to_json()), "added_in_a_later_version": True}

    assert OrganizationRegistered.from_json(orjson.dumps(document)) == fact


@pytest.mark.parametrize(
    ("fact", "visibility"),
    [
        (an_offering(OfferingPublished), Visibility.PUBLIC),
        (an_offering(OfferingDrafted, status="draft", revision=0), Visibility.RESTRICTED),
        (an_offering(OfferingDrafted, status="in_review", revision=2), Visibility.RESTRICTED),
    ],
)
def test_only_what_was_published_or_listed_is_public(fact: Any, visibility: Visibility) -> None:
    assert fact.visibility_level() is visibility


@pytest.mark.parametrize(("source", "visibility"), [("fedramp", Visibility.PUBLIC), (None, Visibility.RESTRICTED)])
def test_adoptions_are_the_agencys_own_unless_a_public_register_names_them(source: str | None, visibility: Visibility) -> None:
    fact = AdoptionWentLive(
        adoption_id="a",
        agency_id="g",
        offering_id="o",
        offering_code="c",
        offering_revision=1,
        status="active",
        phase="operations",
        started_on="2020-01-01",
        source=source,
    )

    assert fact.visibility_level() is visibility
