"""The tree of organizations that the rows of the agency codes CSV imply; its rules are told in `agency_codes`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.registry.domain.organization import Code, Kind

# The 24 agencies of the Chief Financial Officers Act by CGAC (31 U.S.C. 901(b)); USAID (072) was listed until 2024.
CFO_ACT = frozenset(
    [
        "012",
        "013",
        "014",
        "015",
        "016",
        "019",
        "020",
        "024",
        "028",
        "031",
        "036",
        "047",
        "049",
        "068",
        "069",
        "070",
        "072",
        "073",
        "075",
        "080",
        "086",
        "089",
        "091",
        "097",
    ]
)
# Headings under which the file collects unrelated bodies, and whole branches.
_HEADINGS = frozenset({"000", "002", "009", "010", "046", "048", "067", "095"})
_NO_FREC = frozenset({"", "0000"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationRow:
    """One organization as the whole file describes it; `key` and `parent` are codes, e.g. `cgac:070`."""

    key: str
    name: str
    kind: Kind
    codes: tuple[Code, ...]
    parent: str | None = None
    abbreviation: str | None = None
    cfo_act: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One CSV row, trimmed."""

    number: int
    cgac: str
    agency: str
    agency_abbreviation: str
    frec: str
    frec_name: str
    frec_abbreviation: str
    subtier: str
    subtier_name: str
    subtier_abbreviation: str
    is_toptier: bool
    owns_frec: bool
    comment: str

    @property
    def is_the_agency(self) -> bool:
        return same(self.subtier_name, self.agency)

    @property
    def has_own_frec(self) -> bool:
        return self.owns_frec and self.frec not in _NO_FREC


@dataclass(slots=True)
class _Draft:
    key: str
    name: str
    kind: Kind
    parent: str | None
    abbreviation: str | None
    cfo_act: bool = False
    codes: dict[Code, None] = field(default_factory=dict)
    aliases: dict[str, None] = field(default_factory=dict)

    def as_row(self) -> OrganizationRow:
        return OrganizationRow(
            key=self.key,
            name=self.name,
            kind=self.kind,
            parent=self.parent,
            abbreviation=self.abbreviation,
            cfo_act=self.cfo_act,
            codes=tuple(self.codes),
            aliases=tuple(alias for alias in self.aliases if not same(alias, self.name)),
        )


def same(one: str, other: str) -> bool:
    """Whether two names differ at most in case and spaces, and are not empty."""
    return bool(one) and _form(one) == _form(other)


def _form(name: str) -> str:
    return " ".join(name.split()).casefold()


def paths(lines: list[Line]) -> dict[int, tuple[OrganizationRow, ...]]:
    """By row number: the organizations the row implies, outermost first."""
    tree = _Tree(lines)
    own = {line.number: tree.place(line) for line in lines}
    rows = {key: draft.as_row() for key, draft in tree.drafts.items()}
    return {number: tuple(_path(key, rows)) for number, key in own.items()}


def _path(key: str, rows: dict[str, OrganizationRow]) -> Iterable[OrganizationRow]:
    above: list[OrganizationRow] = []
    current: str | None = key
    while current is not None:
        above.append(rows[current])
        current = rows[current].parent
    return reversed(above)


class _Tree:
    """`place` finds or begins the organization of a line and returns its key."""

    def __init__(self, lines: list[Line]) -> None:
        self.drafts: dict[str, _Draft] = {}
        self._by_name: dict[tuple[str, str], str] = {}
        self._rows: defaultdict[str, list[Line]] = defaultdict(list)
        for line in lines:
            self._rows[line.cgac].append(line)
        self._own_frecs = {cgac: _own_frecs(rows) for cgac, rows in self._rows.items()}
        self._reporting = frozenset(cgac for cgac, rows in self._rows.items() if _reports(rows))
        self._agencies = {_form(rows[0].agency): cgac for cgac, rows in self._rows.items() if cgac in self._reporting}
        self._in_frec = Counter((line.cgac, line.frec) for line in lines)
        self._entities = {(line.cgac, line.frec): line for line in reversed(lines) if self._is_entity(line)}
        self._subtiers = {
            _form(line.subtier_name): line
            for line in reversed(lines)
            if line.subtier and not line.is_the_agency and line.cgac in self._reporting
        }
        for cgac in self._rows:
            self._agency(cgac)

    def place(self, line: Line) -> str:
        agency = self._agency(line.cgac)
        if self._is_entity(line):
            return self._entity(line, below=agency)
        if not line.subtier or line.is_the_agency:
            return agency
        elsewhere = self._agencies.get(_form(line.subtier_name), line.cgac)
        if elsewhere != line.cgac:
            self.drafts[f"cgac:{elsewhere}"].codes[Code(scheme="subtier", value=line.subtier)] = None
            return f"cgac:{elsewhere}"
        entity = self._entities.get((line.cgac, line.frec))
        return self._component(line, below=self._entity(entity, below=agency) if entity else agency)

    def _agency(self, cgac: str) -> str:
        """The agency, or the component elsewhere that it is when nothing of its own reports."""
        rows = self._rows[cgac]
        twin = None if cgac in self._reporting else self._subtiers.get(_form(rows[0].agency))
        if twin:
            home = self._component(twin, below=self._agency(twin.cgac))
            return self._fill(self.drafts[home], rows)
        key = f"cgac:{cgac}"
        draft = self.drafts.get(key) or _Draft(
            key=key,
            name=rows[0].agency,
            kind=_agency_kind(rows[0]),
            parent=None,
            abbreviation=rows[0].agency_abbreviation or None,
            cfo_act=cgac in CFO_ACT,
        )
        if key not in self.drafts:
            self._fill(draft, rows)
        self.drafts[key] = draft
        return key

    def _fill(self, draft: _Draft, rows: list[Line]) -> str:
        """Give it the codes and other names of the agency whose rows these are."""
        cgac = Code(scheme="cgac", value=rows[0].cgac)
        if cgac in draft.codes:
            return draft.key
        draft.codes[cgac] = None
        for line in rows:
            if line.has_own_frec and line.frec in self._own_frecs[line.cgac]:
                draft.codes[Code(scheme="frec", value=line.frec)] = None
                draft.aliases[line.frec_name] = None
            if line.subtier and line.is_the_agency:
                draft.codes[Code(scheme="subtier", value=line.subtier)] = None
        return draft.key

    def _is_entity(self, line: Line) -> bool:
        """Whether the line is a reporting entity of its own below its agency."""
        if not line.has_own_frec or line.frec in self._own_frecs[line.cgac]:
            return False
        return line.is_toptier or self._in_frec[line.cgac, line.frec] == 1

    def _entity(self, line: Line, *, below: str) -> str:
        key = f"frec:{line.frec}"
        draft = self.drafts.get(key) or _Draft(
            key=key,
            name=line.subtier_name or line.frec_name,
            kind=Kind.AGENCY if line.is_toptier else Kind.COMPONENT,
            parent=below,
            abbreviation=line.subtier_abbreviation or line.frec_abbreviation or None,
        )
        draft.codes[Code(scheme="frec", value=line.frec)] = None
        draft.aliases[line.frec_name] = None
        if line.subtier:
            draft.codes[Code(scheme="subtier", value=line.subtier)] = None
        self.drafts[key] = draft
        return key

    def _component(self, line: Line, *, below: str) -> str:
        key = self._by_name.setdefault((below, _form(line.subtier_name)), f"subtier:{line.subtier}")
        draft = self.drafts.get(key) or _Draft(
            key=key,
            name=line.subtier_name,
            kind=Kind.OFFICE if _is_office(line.subtier_name) else Kind.COMPONENT,
            parent=below,
            abbreviation=None,
        )
        draft.abbreviation = draft.abbreviation or line.subtier_abbreviation or None
        draft.codes[Code(scheme="subtier", value=line.subtier)] = None
        self.drafts[key] = draft
        return key


def _reports(rows: list[Line]) -> bool:
    """Whether an agency has a toptier row that says more than its name."""
    return any(line.is_toptier and (line.subtier or line.has_own_frec) for line in rows)


def _own_frecs(rows: list[Line]) -> frozenset[str]:
    """FRECs that are the agency itself: on its own row, or under its own name."""
    has_one_toptier = sum(line.is_toptier for line in rows) == 1
    return frozenset(
        line.frec
        for line in rows
        if line.has_own_frec
        and (
            same(line.frec_name, line.agency)
            or (line.is_toptier and (line.is_the_agency or (not line.subtier and has_one_toptier)))
        )
    )


def _agency_kind(line: Line) -> Kind:
    if line.cgac in _HEADINGS:
        return Kind.OTHER
    return Kind.DEPARTMENT if line.agency.startswith("Department of") else Kind.AGENCY


def _is_office(name: str) -> bool:
    return name.startswith(("Office of", "Immediate Office of"))
