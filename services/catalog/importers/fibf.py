"""FIBF files under one set of names, whatever each calls its columns: life cycles, data elements, service measures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.catalog.commands.standards import Header
from services.catalog.domain.standard import Flow, Item, ItemKind, Kind
from services.catalog.importers.fedramp_text import line, paragraphs, word
from shared.kernel.errors import Invalid

# Lower-case words of a header → our name. A header that is not here is kept among the details.
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "id": ("capability_id", "service_measure_id", "measure_id", "data_element_label", "identifier", "id"),
    "function": ("function", "function_name", "service_function_id_and_name"),
    "activity": ("activity_name", "activity", "service_activity", "service_activity_id_and_name", "activity_reference"),
    "name": ("service_measure_name", "measure_name"),
    "statement": (
        "business_capability_statement",
        "service_measure_description",
        "measure_description",
        "definition",
        "description",
    ),
    "reference": (
        "authoritative_reference",
        "authoritative_source",
        "authoritative_and_other_reference_s",
        "service_measure_rationale",
    ),
    "target": ("service_measure_target", "measure_target"),
    "frequency": ("service_measurement_frequency", "measurement_reporting_frequency"),
    "level": ("measurement_reporting_level",),
    "responsible_party": ("responsible_party", "service_measurement_source"),
    "domain": ("hcbrm_domain",),
}
_NAMES = {header: name for name, headers in _SYNONYMS.items() for header in headers}
# "Input/Output/Process", "(I)nput, (P)rocess, (O)utput", "(I)input\n(P)process\n(O)output".
_FLOW = re.compile(r"(?=.*input)(?=.*process)(?=.*output)")
_FLOWS = {"i": Flow.INPUT, "p": Flow.PROCESS, "o": Flow.OUTPUT}
_ID = re.compile(r"[A-Z]{2,8}(?:\.[A-Z0-9-]+)+", re.ASCII)
_AREAS = {
    "FFM": "financial-management",
    "GRM": "grants-management",
    "CYB": "cybersecurity",
    "HCM": "human-resources",
    "ACQ": "acquisition",
}
_LIFECYCLE, _CAPABILITIES = "business_lifecycle", "business_capabilities"
_PARTS = {"standard_data_elements": ItemKind.DATA_ELEMENT, "service_measures": ItemKind.MEASURE}
_DETAIL_MAX_CHARS = 80
_ID_MAX_CHARS = 256  # one label of the real data elements has 162


@dataclass(frozen=True, slots=True)
class Found:
    """A row of a file: the item, or why there is none. `earlier`: the row that has the same id already."""

    item: Item | None
    fault: str = ""
    earlier: int | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file read whole: section → its rows, in the order of the file."""

    header: Header
    sections: Mapping[str, Sequence[Found]]


def named(row: Mapping[str, object]) -> dict[str, str]:
    """The row's columns that say something, under our names; columns nobody knows under their own words."""
    plain = {_name(header): _text(value) for header, value in row.items()}
    return {name: value for name, value in plain.items() if name and value}


def _text(value: object) -> str:
    """A spreadsheet's percentage comes as a number: it is a target of some measures."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return paragraphs(value) if isinstance(value, str) else ""


def _name(header: str) -> str:
    plain = word(header)
    return "flow" if _FLOW.search(plain.replace("_", "")) else _NAMES.get(plain, plain[:_DETAIL_MAX_CHARS])


def read(document: object) -> File:
    """Raises Invalid for what is no FIBF file."""
    match document:
        case list():
            return _list_file(document)
        case dict():
            parts = {word(str(key)): value for key, value in document.items()}
            if isinstance(parts.get(_LIFECYCLE), list) or isinstance(parts.get(_CAPABILITIES), list):
                return _lifecycle_file(parts)
    raise Invalid(
        "This is no FIBF file: it has neither a Business_Lifecycle nor Business_Capabilities, and is no list of data "
        "elements or service measures."
    )


def _lifecycle_file(parts: Mapping[str, Any]) -> File:
    groups = [group for group in parts.get(_LIFECYCLE) or () if isinstance(group, dict)]
    activities = _found((row for group in groups for row in group.get("data") or ()), ItemKind.ACTIVITY)
    capabilities = _found(parts.get(_CAPABILITIES) or (), ItemKind.CAPABILITY)
    functions = _functions(groups, parts.get(_CAPABILITIES) or ())
    family = _family([*activities, *capabilities])
    title = line(str(parts.get("business_standards") or family))
    part = line(str(parts.get("sub_section") or ""))
    sections = {
        "functions": functions,
        "activities": activities,
        "capabilities": capabilities,
        "use_cases": _links(parts.get("business_use_cases"), ItemKind.USE_CASE),
        "documents": [found for key in _PARTS for found in _links(parts.get(key), ItemKind.DOCUMENT)],
    }
    header = Header(
        id="-".join(filter(None, ("fibf", family.lower(), _slug(part)))),
        title=f"{title}: {part}" if part else title,
        kind=Kind.BUSINESS_LIFECYCLE,
        family=family,
        focus_area=_AREAS.get(family),
    )
    return File(header, {name: found for name, found in sections.items() if found})


def _list_file(rows: list[Any]) -> File:
    names = {name for row in rows[:20] if isinstance(row, dict) for name in named(row)}
    kind = ItemKind.MEASURE if {"target", "frequency"} & names else ItemKind.DATA_ELEMENT
    if not {"id", "statement"} <= names:
        raise Invalid("The rows of this list have no identifier, or no definition or description, that we know the column of.")
    found = _found(rows, kind)
    family, domain = _family_of_rows(rows, found)
    what = "Service Measures" if kind is ItemKind.MEASURE else "Standard Data Elements"
    header = Header(
        id="-".join(filter(None, ("fibf", family.lower(), _slug(domain), _slug(what)))),
        title=" ".join(filter(None, (family, domain, what))),
        kind=Kind.SERVICE_MEASURES if kind is ItemKind.MEASURE else Kind.DATA_ELEMENTS,
        family=family,
        focus_area=_AREAS.get(family),
    )
    return File(header, {"measures" if kind is ItemKind.MEASURE else "data_elements": found})


def _found(rows: Iterable[object], kind: ItemKind) -> list[Found]:
    first: dict[str, int] = {}
    found = []
    for number, row in enumerate(rows, start=1):
        read_row = _row(row, kind)
        if read_row.item is not None:
            earlier = first.setdefault(read_row.item.id, number)
            read_row = Found(read_row.item, earlier=earlier) if earlier != number else read_row
        found.append(read_row)
    return found


def _row(row: object, kind: ItemKind) -> Found:
    if not isinstance(row, dict):
        return Found(None, "The row is no object of columns.")
    columns = named(row)
    if not columns:
        return Found(None, "The row is empty in every column.")
    id_ = line(columns.pop("id", ""))
    if not id_ or len(id_) > _ID_MAX_CHARS:
        return Found(None, f"The row needs an id of at most {_ID_MAX_CHARS} characters in one of its columns.")
    return Found(_item(id_, kind, columns))


def _item(id_: str, kind: ItemKind, columns: dict[str, str]) -> Item:
    function, activity = columns.pop("function", None), columns.pop("activity", None)
    flow = columns.pop("flow", "").casefold()[:1]
    parent = {ItemKind.ACTIVITY: _above(id_), ItemKind.CAPABILITY: _above(id_)}.get(kind) or _first_id(activity or "")
    if kind is not ItemKind.ACTIVITY:
        columns |= {name: value for name, value in (("function", function), ("activity", activity)) if value}
    name = columns.pop("name", "")
    titles = {ItemKind.ACTIVITY: activity or "", ItemKind.DATA_ELEMENT: id_}
    return Item(
        id=id_,
        kind=kind,
        parent_id=parent,
        title=line(titles.get(kind, name)),
        statement=columns.pop("statement", ""),
        flow=_FLOWS.get(flow),
        reference=columns.pop("reference", None),
        details=columns,
    )


def _above(id_: str) -> str | None:
    return id_.rpartition(".")[0] or None


def _first_id(text: str) -> str | None:
    found = _ID.match(text)
    return found[0] if found else None


def _functions(groups: Sequence[Mapping[str, Any]], capabilities: Iterable[object]) -> list[Found]:
    """One per group of the life cycle; its title stands with the capabilities, with or without the id before it."""
    titles: dict[str, str] = {}
    for row in capabilities:
        columns = named(row) if isinstance(row, dict) else {}
        id_ = _above(_above(line(columns.get("id", ""))) or "")
        if id_ and "function" in columns:
            titles.setdefault(id_, _without_id(line(columns["function"]), id_))
    return [_function(group, titles) for group in groups]


def _function(group: Mapping[str, Any], titles: Mapping[str, str]) -> Found:
    activities = [found.item.id for found in _found(group.get("data") or (), ItemKind.ACTIVITY) if found.item]
    id_ = _above(activities[0]) if activities else _id_of_type(line(str(group.get("type", ""))))
    if not id_:
        return Found(None, "The group has neither an activity nor a type to take its id from.")
    return Found(Item(id=id_, kind=ItemKind.FUNCTION, title=titles.get(id_, id_)))


def _id_of_type(type_: str) -> str:
    """`ffm-050` → `FFM.050`, for a group without activities."""
    family, _, rest = type_.partition("-")
    return f"{family.upper()}.{rest}" if rest else ""


def _without_id(title: str, id_: str) -> str:
    return title.removeprefix(id_).lstrip(" -\N{EN DASH}") or id_


def _links(found: object, kind: ItemKind) -> list[Found]:
    """Titles with addresses; "coming soon", in whatever form, is none."""
    links = dict(_addresses(found)) if isinstance(found, dict) else {}
    return [
        Found(Item(id=title[:_ID_MAX_CHARS], kind=kind, title=title, details={"address": address}))
        for title, address in links.items()
    ]


def _addresses(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for title, value in found.items():
        match value:
            case str():
                yield line(str(title)), line(value)
            case {"url": str(url), "name": str(name)}:
                yield line(name), line(url)


def _family(found: Sequence[Found]) -> str:
    """The letters before the first point of most ids. Raises Invalid when no id has any."""
    letters = Counter(match[0] for f in found if f.item and (match := re.match(r"[A-Z]{2,8}(?=\.)", f.item.id)))
    if not letters:
        raise Invalid("No row has a hierarchical id such as FFM.010.010.011.")
    return letters.most_common(1)[0][0]


def _family_of_rows(rows: Sequence[Any], found: Sequence[Found]) -> tuple[str, str]:
    """The family, and the domain within it when the rows name one."""
    first = next((row for row in rows if isinstance(row, dict)), {})
    columns = named(first)
    area = line(columns.get("functional_area", ""))
    return area or _family(found), line(columns.get("domain", ""))


def _slug(text: str) -> str:
    return word(text).replace("_", "-")
