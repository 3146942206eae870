"""OSCAL catalogs and profiles, in JSON or XML: control groups, controls, and which controls a baseline selects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

import defusedxml.ElementTree
import orjson
from defusedxml.common import DefusedXmlException

from services.catalog.commands.standards import Header
from services.catalog.domain.standard import Item, ItemKind, Kind
from services.catalog.importers.fedramp_text import line, paragraphs, word
from services.catalog.importers.fibf import File, Found
from shared.kernel.errors import Invalid

_PARAMETER = re.compile(r"\{\{\s*insert:\s*param,\s*([^\s}]+)\s*\}\}")
_ABOUT = "cybersecurity"
_ID_MAX_CHARS = 128


def read(content: bytes) -> File:
    """Raises Invalid for what is neither an OSCAL catalog nor a profile."""
    name, body = _parsed(content)
    metadata = body.get("metadata") or {}
    title = line(str(metadata.get("title", "")))
    if name not in {"catalog", "profile"} or not title:
        raise Invalid("This is no OSCAL catalog or profile with a title in its metadata.")
    kind = Kind.CONTROL_CATALOG if name == "catalog" else Kind.CONTROL_BASELINE
    header = Header(
        id=f"{word(title).replace('_', '-')[:100]}-{name}",
        title=title[:300],
        kind=kind,
        family="NIST" if "nist" in title.casefold() else "OSCAL",
        focus_area=_ABOUT,
        source_version=line(str(metadata.get("version", "")))[:80] or None,
    )
    return File(header, _catalog(body) if name == "catalog" else {"references": list(_references(body))})


def _parsed(content: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        if content.lstrip()[:1] == b"<":
            root = defusedxml.ElementTree.fromstring(content)
            return _tag(root), _as_json(root)
        document = orjson.loads(content)
        name = next((key for key in ("catalog", "profile") if isinstance(document.get(key), dict)), "")
    except (orjson.JSONDecodeError, AttributeError, DefusedXmlException, defusedxml.ElementTree.ParseError) as err:
        raise Invalid(f"The file is neither JSON nor XML that can be read: {err}.") from err
    return name, document.get(name, {})


def _catalog(body: Mapping[str, Any]) -> dict[str, list[Found]]:
    groups = list(_groups(body, parent=None))
    controls = [Found(control) for group, parent in groups for control in _controls(group, parent=parent)]
    loose = [Found(control) for control in _controls(body, parent=None)]
    found = [Found(_group(group, above)) for group, above in _with_parents(body, parent=None)]
    return {"groups": found, "controls": [*loose, *controls]}


def _with_parents(body: Mapping[str, Any], *, parent: str | None) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    for group in body.get("groups") or ():
        yield group, parent
        yield from _with_parents(group, parent=_id(group))


def _groups(body: Mapping[str, Any], *, parent: str | None) -> Iterator[tuple[Mapping[str, Any], str]]:
    for group, _ in _with_parents(body, parent=parent):
        yield group, _id(group)


def _controls(body: Mapping[str, Any], *, parent: str | None) -> Iterator[Item]:
    for control in body.get("controls") or ():
        yield _control(control, parent)
        yield from _controls(control, parent=_id(control))


def _group(group: Mapping[str, Any], parent: str | None) -> Item:
    return Item(
        id=_id(group),
        kind=ItemKind.CONTROL_GROUP,
        parent_id=parent,
        title=line(str(group.get("title", ""))),
        statement=_prose(group, {"overview", "statement"}, {}),
        details=_properties(group),
    )


def _control(control: Mapping[str, Any], parent: str | None) -> Item:
    names = {str(p.get("id")): _parameter(p) for p in control.get("params") or ()}
    guidance = _prose(control, {"guidance", "example"}, names)
    return Item(
        id=_id(control),
        kind=ItemKind.CONTROL,
        parent_id=parent,
        title=line(str(control.get("title", ""))),
        statement=_prose(control, {"statement"}, names),
        details={**_properties(control), **({"guidance": guidance} if guidance else {})},
    )


def _id(found: Mapping[str, Any]) -> str:
    id_ = line(str(found.get("id", "")))
    if not id_ or len(id_) > _ID_MAX_CHARS:
        raise Invalid(f"A group or control needs an id of 1 to {_ID_MAX_CHARS} characters; {id_[:20]!r} is none.")
    return id_


def _properties(found: Mapping[str, Any]) -> dict[str, str]:
    """What is said of the thing itself: its class, label and status (`withdrawn`)."""
    of_interest = {"label": "label", "status": "status", "risk-party": "risk_party"}
    values = {
        of_interest[p["name"]]: line(str(p.get("value", "")))
        for p in found.get("props") or ()
        if p.get("name") in of_interest and not p.get("class")
    }
    return {**({"class": str(found["class"])} if found.get("class") else {}), **values}


def _parameter(found: Mapping[str, Any]) -> str:
    choice = (found.get("select") or {}).get("choice")
    return line(" or ".join(map(str, choice))) if choice else line(str(found.get("label") or found.get("id")))


def _prose(found: Mapping[str, Any], names: set[str], parameters: Mapping[str, str]) -> str:
    parts = [part for part in found.get("parts") or () if part.get("name") in names]
    lines = [text for part in parts for text in _lines(part)]
    filled = "\n".join(lines)
    for _ in range(3):  # a choice may itself name a parameter
        filled = _PARAMETER.sub(lambda match: f"[{parameters.get(match[1], match[1])}]", filled)
    return paragraphs(filled)


def _lines(part: Mapping[str, Any]) -> Iterator[str]:
    label = next((str(p.get("value")) for p in part.get("props") or () if p.get("name") == "label"), "")
    if text := line(str(part.get("prose") or "")):
        yield f"{label} {text}".strip()
    for inner in part.get("parts") or ():
        yield from _lines(inner)


def _references(body: Mapping[str, Any]) -> Iterator[Found]:
    first: dict[str, int] = {}
    ids = [
        str(id_)
        for source in body.get("imports") or ()
        for chosen in source.get("include-controls") or ()
        for id_ in chosen.get("with-ids") or ()
    ]
    for number, id_ in enumerate(ids, start=1):
        earlier = first.setdefault(id_, number)
        item = Item(id=id_, kind=ItemKind.CONTROL_REFERENCE, title=id_)
        yield Found(item, earlier=earlier if earlier != number else None)


# XML says the same as JSON with elements: many of one kind become a list under its plural.
_PLURALS = {"group": "groups", "control": "controls", "param": "params", "prop": "props", "part": "parts", "import": "imports"}


def _as_json(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = dict(element.attrib)
    prose = []
    for child in element:
        tag = _tag(child)
        if tag in _PLURALS:
            found.setdefault(_PLURALS[tag], []).append(_as_json(child))
        elif tag == "include-controls":
            ids = ["".join(each.itertext()).strip() for each in child if _tag(each) == "with-id"]
            found.setdefault("include-controls", []).append({"with-ids": ids})
        elif tag == "metadata":
            found["metadata"] = {_tag(each): _text(each) for each in child}
        elif tag in {"title", "label"}:
            found[tag] = _text(child)
        elif tag in {"p", "ol", "ul"}:
            prose.append(_text(child))
    return {**found, "prose": " ".join(prose)} if prose else found


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())
