"""Standards: taken over from their owners' files, revised in public steps, baselined, superseded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.catalog import facts, store
from services.catalog.domain import standard as domain
from services.catalog.domain.standard import Item, Kind, Standard
from services.catalog.policy import require_for_standard
from services.catalog.store import standard_items as items
from shared.auth import Principal
from shared.contracts import catalog as contracts
from shared.db import Transaction
from shared.imports.rows import Result
from shared.kernel.errors import Invalid, RuleViolation, StaleVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of the standard itself."""

    id: str
    title: str
    kind: Kind
    family: str
    focus_area: str | None = None
    source_version: str | None = None


async def take_items(tx: Transaction, standard_id: str, found: Sequence[Item]) -> list[Result]:
    """Into the edition in work, invisible until that is published. Raises RuleViolation for a superseded standard."""
    current = await store.standards.find(tx, standard_id)
    if not domain.may_take_file(current):
        raise RuleViolation("This standard is superseded; import the file of its successor.", code="superseded")
    return await items.put_items(tx, standard_id, found, working=current.working_edition if current else 1)


async def finish_file(tx: Transaction, header: Header, *, kept: set[tuple[str, str]]) -> Result:
    """All items of a file are taken: withdraw the others and publish, unless an edition is in work.

    `kept`: the (kind, id) of every item of the file.
    """
    current = await store.standards.find(tx, header.id)
    standard = _with(current or _new(header), header)
    await items.withdraw_others(tx, header.id, kept, working=standard.working_edition)
    change = await items.change_of(tx, header.id, edition=standard.working_edition)
    counts = await items.counts_at(tx, header.id, edition=standard.working_edition)
    after = domain.announced(standard, change=change, counts=counts)
    if after == current:
        return Result.UNCHANGED if change.is_empty else Result.UPDATED
    await _published(tx, after, change)
    return Result.CREATED if current is None else Result.UPDATED


def _new(header: Header) -> Standard:
    return Standard(id=header.id, version=0, title=header.title, kind=header.kind, status=domain.Status.BASELINE)


def _with(standard: Standard, header: Header) -> Standard:
    return replace(
        standard,
        title=header.title,
        family=header.family,
        focus_area=header.focus_area,
        source_version=header.source_version,
    )


async def turn_standard(
    tx: Transaction, id: str, action: str, *, reason: str | None, expected_version: int, by: Principal
) -> Standard:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    current = await _permitted(tx, id, action, expected_version, by=by)
    after = domain.turned(current, action, reason=reason)
    return await store.standards.save(tx, after, facts.standard(contracts.StandardTurned, after))


async def change_items(tx: Transaction, id: str, found: Sequence[Item], *, expected_version: int, by: Principal) -> Standard:
    """Edit the edition in work. Raises Forbidden, NotFound, StaleVersion, RuleViolation.

    The items themselves are told when their edition is published, all at once.
    """
    current = await _permitted(tx, id, "revise", expected_version, by=by)
    if current.status is not domain.Status.DRAFT:
        raise RuleViolation(
            f"Items change while a standard is in draft (it is {current.status}); revise or return it first.",
            code="transition-not-allowed",
            allowed_actions=domain.MACHINE.allowed(current.status),
        )
    await items.put_items(tx, id, found, working=current.working_edition)
    return await store.standards.save(tx, current, facts.standard(contracts.StandardDrafted, current))


async def baseline_standard(tx: Transaction, id: str, *, expected_version: int, by: Principal) -> Standard:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    current = await _permitted(tx, id, "baseline", expected_version, by=by)
    change = await items.change_of(tx, id, edition=current.working_edition)
    counts = await items.counts_at(tx, id, edition=current.working_edition)
    return await _published(tx, domain.baselined(current, change=change, counts=counts), change)


async def supersede_standard(
    tx: Transaction, id: str, *, successor_id: str | None, reason: str | None, expected_version: int, by: Principal
) -> Standard:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation; Invalid for an unknown successor."""
    current = await _permitted(tx, id, "supersede", expected_version, by=by)
    if successor_id is not None and await store.standards.find(tx, successor_id) is None:
        raise Invalid.at("/successor_id", f"There is no standard {successor_id!r}.", code="unknown-reference")
    after = domain.superseded(current, successor_id=successor_id, reason=reason)
    return await store.standards.save(tx, after, facts.standard(contracts.StandardSuperseded, after))


async def _permitted(tx: Transaction, id: str, action: str, expected_version: int, *, by: Principal) -> Standard:
    found = await store.standards.get(tx, id)
    require_for_standard(by, action, found)
    if found.version != expected_version:
        raise StaleVersion(f"The standard is at version {found.version}.", current_version=found.version)
    return found


async def _published(tx: Transaction, standard: Standard, change: domain.Change) -> Standard:
    activities = await items.activities_at(tx, standard.id, edition=standard.edition)
    fact = facts.standard(
        contracts.StandardPublished,
        standard,
        added=change.added,
        changed=change.changed,
        withdrawn=change.withdrawn,
        activities=tuple(contracts.ActivityEntry(id=id_, title=title) for id_, title in activities.items()),
    )
    saved = await (store.standards.save if standard.version else store.standards.add)(tx, standard, fact)
    if not change.is_empty:
        await items.record_edition(tx, saved, change)
    return saved
