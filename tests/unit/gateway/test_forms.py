"""Forms from schemas: what was filled in comes out as the JSON that it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.dashboard.forms import Field, body_of, fields_of, with_errors

SCHEMAS: dict[str, dict[str, Any]] = {
    "Money": {"type": "object", "properties": {"amount": {"type": "string"}, "currency": {"const": "USD"}}},
    "Scale": {"type": "string", "enum": ["system", "both"]},
    "Need": {
        "type": "object",
        "required": ["id", "scale"],
        "properties": {
            "id": {"type": "string", "maxLength": 40},
            "scale": {"$ref": "#/components/schemas/Scale"},
            "critical": {"type": "boolean", "default": False},
        },
    },
    "Statement": {
        "type": "object",
        "required": ["year"],
        "properties": {
            "note": {"anyOf": [{"type": "string", "maxLength": 2000}, {"type": "null"}]},
            "year": {"type": "integer", "minimum": 2000.0, "maximum": 2100.0},
            "on": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "price": {"anyOf": [{"$ref": "#/components/schemas/Money"}, {"type": "null"}]},
            "needs": {"type": "array", "items": {"$ref": "#/components/schemas/Need"}, "default": []},
            "links": {"type": "array", "items": {"type": "string"}, "default": []},
            "size": {
                "type": "object",
                "propertyNames": {"enum": ["user", "asset"]},
                "additionalProperties": {"type": "integer"},
            },
            "costs": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Money"}},
            "funding": {"type": "object", "patternProperties": {"^20\\d\\d$": {"$ref": "#/components/schemas/Money"}}},
        },
    },
}
STATEMENT = {"$ref": "#/components/schemas/Statement"}
WHOLE = {
    "year": 2027,
    "note": "as agreed",
    "on": "2026-10-01",
    "price": {"amount": "12.50", "currency": "USD"},
    "needs": [{"id": "A.1", "scale": "both", "critical": True}, {"id": "A.2", "scale": "system", "critical": False}],
    "links": ["https://a.example", "https://b.example"],
    "size": {"user": 500},
    "costs": {"2026": {"amount": "7.00", "currency": "USD"}},
    "funding": {"2027": {"amount": "9.00", "currency": "USD"}},
}


def flat(fields: tuple[Field, ...]) -> Iterator[Field]:
    for each in fields:
        yield each
        yield from flat(each.fields)


def filled(value: Any) -> dict[str, str]:
    """What a browser sends of the form as it comes."""
    inputs = (f for f in flat(fields_of(STATEMENT, SCHEMAS, value=value)) if f.kind not in {"group", "rows"})
    return {each.name: each.value for each in inputs}


def test_what_was_there_comes_back_as_it_was() -> None:
    assert body_of(STATEMENT, SCHEMAS, filled(WHOLE)) == WHOLE


def test_what_is_left_blank_is_absent() -> None:
    assert body_of(STATEMENT, SCHEMAS, filled(None)) == {}


SOME = st.fixed_dictionaries(
    {},
    optional={
        "year": st.integers(-5, 10**9),
        "note": st.from_regex(r"[a-z]([a-z \n]*[a-z])?", fullmatch=True),
        "links": st.lists(st.from_regex(r"[a-z]+", fullmatch=True), min_size=1),
        "size": st.dictionaries(st.sampled_from(["user", "asset"]), st.integers(0, 10**6), min_size=1),
        "needs": st.lists(
            st.fixed_dictionaries(
                {"id": st.from_regex(r"[A-Z]+", fullmatch=True), "scale": st.sampled_from(["system", "both"])},
                optional={"critical": st.sampled_from([True])},
            ),
            min_size=1,
            max_size=12,
        ),
    },
)


@given(SOME)
def test_any_statement_goes_through_a_form(value: dict[str, Any]) -> None:
    expected = dict(value)
    if "needs" in value:
        expected["needs"] = [{"critical": False, **need} for need in value["needs"]]

    assert body_of(STATEMENT, SCHEMAS, filled(value)) == expected


def test_fields_say_what_they_take() -> None:
    fields = {each.name: each for each in flat(fields_of(STATEMENT, SCHEMAS))}

    assert next(iter(fields)) == "year"
    assert fields["year"].required
    assert (fields["year"].kind, fields["year"].least, fields["year"].most) == ("number", "2000", "2100")
    assert fields["note"].kind == "long"
    assert fields["on"].kind == "date"
    assert fields["price"].kind == "decimal"
    assert fields["needs/0/scale"].options == ("system", "both")
    assert fields["needs/0/critical"].value == "no"
    assert [name for name in fields if name.startswith("size/")] == ["size/user", "size/asset"]


@pytest.mark.parametrize("amount", ["$1,250.00", " 1250.00 ", "1250.00"])
def test_dollars_are_taken_as_people_write_them(amount: str) -> None:
    assert body_of(STATEMENT, SCHEMAS, {"price": amount})["price"] == {"amount": "1250.00", "currency": "USD"}


def test_what_is_no_number_is_left_for_the_service_to_refuse() -> None:
    assert body_of(STATEMENT, SCHEMAS, {"year": "soon"}) == {"year": "soon"}


def test_errors_stand_at_their_fields() -> None:
    fields = with_errors(fields_of(STATEMENT, SCHEMAS), {"needs/1/id": ["is not known"]})

    assert {each.name: each.errors for each in flat(fields) if each.errors} == {"needs/1/id": ("is not known",)}
