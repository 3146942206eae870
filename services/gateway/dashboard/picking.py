"""Names to choose from where the API takes ids: what the caller may see, asked of the service that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import Request

from services.gateway.dashboard.asking import Ask, answers
from services.gateway.dashboard.forms import Field

_MANY = 200
_TICKED_MOST = 60
_ACTIVITY = "fibf_id"
_SAID_CHARS = 80
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the things are listed; one of them is below it. `said`: what it is called."""

    service: str
    path: str
    said: Callable[[Json], str]
    params: Mapping[str, str] = field(default_factory=dict)


def _name(found: Json) -> str:
    return str(found.get("name") or found.get("title") or found["id"])


def _year(found: Json) -> str:
    state = f", {found['status']}" if "status" in found else ""
    return f"{found['focus_area'].replace('-', ' ').capitalize()}, fiscal year {found['fiscal_year']}{state}"


def _ranked(found: Json) -> str:
    return f"{found['name']}, score {found['score']}"


def _adopted(found: Json) -> str:
    return f"{found['offering_name'] or found['offering_code']}, {found['agency_name'] or 'an agency'}"


_ORGANIZATIONS = _Source("registry", "/v1/organizations", _name)
_OFFERINGS = _Source("catalog", "/v1/offerings", _name, {"status": "published"})
_AREAS = _Source("registry", "/v1/focus-areas", _name)
# What a field is called, wherever it stands in the form.
_SOURCES: Mapping[str, _Source] = {
    **dict.fromkeys(("agency_id", "organization_id", "host_organization_id", "lead_office_id", "into_id"), _ORGANIZATIONS),
    **dict.fromkeys(("offering_id", "offering_ids"), _OFFERINGS),
    **dict.fromkeys(("focus_area", "areas", "focus_areas"), _AREAS),
    "adoption_id": _Source("adoption", "/v1/adoptions", _adopted),
    "needs_id": _Source("adoption", "/v1/needs", _year),
    "shortlist_id": _Source("adoption", "/v1/shortlists", _year),
    "provider_id": _Source("catalog", "/v1/providers", _name),
    "policy": _Source("registry", "/v1/policies", _name),
    "seat": _Source("registry", "/v1/board-seats", _name),
}
Choices = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Offer:
    """`whole`: whether there are no more to choose from."""

    choices: Choices
    whole: bool


async def picked(request: Request, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The fields, with names to choose from where ids are asked; as they were where a service does not answer."""
    # A shortlist is made of what was found to fit.
    needs = next((each.value for each in fields if each.name == "needs_id" and each.fixed), "")
    asked = [_ask(each, needs=needs) for each in fields]
    wanted = {path: source for path, source in asked if source is not None}
    asks = (Ask(service=source.service, path=path, params=_params(path, source)) for path, source in wanted.items())
    found = await answers(request, *asks)
    offers = {path: _offer(answer, source) for (path, source), answer in zip(wanted.items(), found, strict=True)}
    offered = tuple(_offered(each, offers.get(path)) for each, (path, _) in zip(fields, asked, strict=True))
    return await _with_activities(request, offered)


async def _with_activities(request: Request, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The activities of the area's standard, once, for every field that asks for one."""
    first = next(_asking_for_activities(fields), None)
    area = next((each.value for each in fields if each.name == "focus_area" and each.value), None)
    if first is None or area is None:
        return fields
    of_area = {"area": area, "kind": "business_lifecycle", "limit": 1}
    (standards,) = await answers(request, Ask(service="catalog", path="/v1/standards", params=of_area))
    if not isinstance(standards, dict) or not standards["items"]:
        return fields
    items = f"/v1/standards/{standards['items'][0]['id']}/items"
    (found,) = await answers(request, Ask(service="catalog", path=items, params={"kind": "activity", "limit": _MANY}))
    if not isinstance(found, dict):
        return fields
    choices = tuple((str(each["id"]), (each["title"] or each["statement"] or "")[:_SAID_CHARS]) for each in found["items"])
    return tuple(_listing(each, choices, first=first) for each in fields)


def _asking_for_activities(fields: tuple[Field, ...]) -> Iterator[Field]:
    for each in fields:
        if _asks_for_activity(each):
            yield each
        yield from _asking_for_activities(each.fields)


def _asks_for_activity(asked: Field) -> bool:
    return asked.kind == "text" and not asked.fixed and asked.name.rpartition("/")[2] == _ACTIVITY


def _listing(asked: Field, choices: Choices, *, first: Field) -> Field:
    if asked.fields:
        return replace(asked, fields=tuple(_listing(each, choices, first=first) for each in asked.fields))
    if not _asks_for_activity(asked):
        return asked
    return replace(asked, kind="listed", **({"choices": choices} if asked is first else {"choices_of": first.id}))


def _ask(asked: Field, *, needs: str) -> tuple[str, _Source | None]:
    source = _SOURCES.get(asked.name)
    if asked.name == "offering_ids" and needs:
        source = _Source("adoption", f"/v1/needs/{needs}/fit", _ranked)
    if source is None or asked.kind not in {"text", "long", "lines"}:
        return "", None
    return (f"{source.path}/{asked.value}" if asked.fixed else source.path), source


def _params(path: str, source: _Source) -> Mapping[str, Any] | None:
    return {**source.params, "limit": _TICKED_MOST if path.endswith("/fit") else _MANY} if path == source.path else None


def _offer(answer: Any, source: _Source) -> _Offer | None:
    if not isinstance(answer, dict):
        return None
    items = answer.get("items", [answer])
    choices = tuple((str(each["id"] if "id" in each else each["offering_id"]), source.said(each)) for each in items)
    return _Offer(choices, source.said is _ranked or answer.get("next_cursor") is None)


def _offered(asked: Field, offer: _Offer | None) -> Field:
    if offer is None or not offer.choices:
        return asked
    if asked.kind == "lines":
        few = offer.whole and len(offer.choices) <= _TICKED_MOST
        return replace(asked, kind="several", choices=offer.choices, hint="") if few else asked
    known = {id_ for id_, _ in offer.choices}
    own = ((asked.value, asked.value),) if asked.value and asked.value not in known else ()
    return replace(asked, kind="choice" if offer.whole else "listed", choices=(*own, *offer.choices))
