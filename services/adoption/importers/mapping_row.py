"""One row of the FedRAMP marketplace's mappings: which agency authorized which product, by a letter of which dates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.adoption.domain.letter import Letter, LetterKind
from shared.imports.rows import ImportRow
from shared.kernel.errors import Invalid

KINDS = {"authorizations": LetterKind.INITIAL, "reuses": LetterKind.REUSE}
# Headings of the register that are no agency, by name and by the id of the whole branch: the rows of 2024 carry ids only.
PSEUDO_AGENCIES = {
    "22-001": ("Legacy JAB Authorization", "JAB Authorization"),
    "22-055": ("Other Federal Entity",),
}
_PSEUDO_NAMES = {name: id for id, names in PSEUDO_AGENCIES.items() for name in names}
FIELDS = ("id", "agency_id", "sub_id", "parent", "sub", "ato_date", "auth_date", "exp_date", "assessment_date")
_TEXT_MAX_CHARS = 180
_ABSENT = frozenset({"", "N/A", "Not Active"})
# The program began in 2011; an authorization letter from before this year is a slip of the pen (0202-04-26).
_YEAR_MIN = 1990
_DAY_CHARS = len("2020-04-27")


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingRow:
    """`agency` is the register's id of the adopting organization, `product` that of the offering."""

    product: str
    agency: str
    letter: Letter

    @property
    def key(self) -> str:
        """Equal for rows that say the same."""
        letter = self.letter
        said = f"{letter.kind}|{self.product}|{self.agency}|{letter.ato_on}|{letter.authorized_on}|{letter.expires_on}"
        return hashlib.blake2b(f"{said}|{letter.assessment}".encode(), digest_size=16).hexdigest()


def read(row: ImportRow) -> MappingRow:
    """Raises Invalid with a pointer: no such section, a missing id, a pseudo-agency, a date that is none."""
    kind = KINDS.get(row.section)
    if kind is None:
        raise Invalid(f"There is no section {row.section!r} here; there are: {', '.join(KINDS)}.")
    given = {name: _text(row.data, name) for name in FIELDS}
    if not given["id"]:
        raise Invalid.at("/id", "The row names no product.")
    if not (agency := given["sub_id"] or given["agency_id"]):
        raise Invalid.at("/agency_id", "The row has no agency id.")
    _refuse_pseudo_agency(given)
    ato_on = _day(given, "ato_date")
    if ato_on is None:
        raise Invalid.at("/ato_date", "The row has no ATO date.")
    letter = Letter(
        kind=kind,
        ato_on=ato_on,
        authorized_on=_day(given, "auth_date"),
        expires_on=_day(given, "exp_date"),
        assessment=given["assessment_date"] or None,
    )
    return MappingRow(product=given["id"], agency=agency, letter=letter)


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if value is None or value == "":
        return ""
    text = " ".join(value.split()) if isinstance(value, str) else None
    if text is None or len(text) > _TEXT_MAX_CHARS or not text.isprintable():
        raise Invalid.at(f"/{name}", f"{name} must be plain text of at most {_TEXT_MAX_CHARS} characters.")
    return text


def _refuse_pseudo_agency(given: Mapping[str, str]) -> None:
    id_ = given["agency_id"] if given["agency_id"] in PSEUDO_AGENCIES else _PSEUDO_NAMES.get(given["parent"])
    if id_ is not None:
        name = PSEUDO_AGENCIES[id_][0]
        raise Invalid.at("/agency_id", f"{name!r} ({id_}) is a heading of the register, not an agency.")


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given[name]
    if text in _ABSENT:
        return None
    try:
        day = date.fromisoformat(text[:_DAY_CHARS])
    except ValueError:
        day = None
    if day is None or text[_DAY_CHARS : _DAY_CHARS + 1] not in {"", "T"} or day.year < _YEAR_MIN:
        raise Invalid.at(f"/{name}", f"{name} {text!r} is no date (YYYY-MM-DD, from {_YEAR_MIN} on).")
    return day
