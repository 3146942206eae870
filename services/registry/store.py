"""Rows ↔ registry domain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, select

from services.registry import tables
from services.registry.domain.designation import Basis, Designation, Status, Step
from services.registry.domain.focus_area import AreaService, FocusArea, Policy
from services.registry.domain.match_review import Candidate, MatchReview
from services.registry.domain.match_review import Status as ReviewStatus
from services.registry.domain.names import normalize
from services.registry.domain.organization import Alias, Code, Kind, Organization
from services.registry.domain.plan import Plan
from services.registry.domain.plan_review import BoardSeat
from shared.contracts.fact import Fact
from shared.db import Row, Transaction, upsert
from shared.outbox import AggregateStore

_SOURCE = "/registry"
_CHUNK = 400


def _policy(row: Row) -> Policy:
    return Policy(**row)


def _policy_row(policy: Policy) -> dict[str, Any]:
    return {"title": policy.title, "issuer": policy.issuer, "issued_on": policy.issued_on, "url": policy.url}


policies = AggregateStore(
    source=_SOURCE, name="policy", table=tables.policies, outbox=tables.outbox, to_row=_policy_row, from_row=_policy
)


def _focus_area(row: Row) -> FocusArea:
    services = tuple(AreaService(**service) for service in row["services"])
    return FocusArea(**{**row, "aliases": tuple(row["aliases"]), "services": services})


def _focus_area_row(area: FocusArea) -> dict[str, Any]:
    return {
        "title": area.title,
        "policy": area.policy,
        "aliases": list(area.aliases),
        "services": [{"slug": service.slug, "title": service.title} for service in area.services],
        "marketplace_opens_on": area.marketplace_opens_on,
    }


focus_areas = AggregateStore(
    source=_SOURCE,
    name="focus area",
    table=tables.focus_areas,
    outbox=tables.outbox,
    to_row=_focus_area_row,
    from_row=_focus_area,
)


def _organization(row: Row) -> Organization:
    return Organization(
        **{
            **row,
            "kind": Kind(row["kind"]),
            "codes": tuple(Code(**code) for code in row["codes"]),
            "aliases": tuple(_alias(alias) for alias in row["aliases"]),
        }
    )


def _alias(found: dict[str, Any]) -> Alias:
    return Alias(name=found["name"], valid_from=_day(found.get("valid_from")), valid_to=_day(found.get("valid_to")))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _organization_row(organization: Organization) -> dict[str, Any]:
    return {
        "name": organization.name,
        "kind": organization.kind.value,
        "abbreviation": organization.abbreviation,
        "parent_id": organization.parent_id,
        "codes": [{"scheme": code.scheme, "value": code.value} for code in organization.codes],
        "aliases": [
            {
                "name": a.name,
                "valid_from": a.valid_from and a.valid_from.isoformat(),
                "valid_to": a.valid_to and a.valid_to.isoformat(),
            }
            for a in organization.aliases
        ],
        "cfo_act": organization.cfo_act,
        "valid_from": organization.valid_from,
        "valid_to": organization.valid_to,
    }


class OrganizationStore(AggregateStore[Organization]):
    """Keeps the lookup tables by code and by name in step with each organization."""

    async def add_all(self, tx: Transaction, changes: Sequence[tuple[Organization, Fact]]) -> None:
        await super().add_all(tx, changes)
        await self._index(tx, [organization for organization, _ in changes])

    async def save_all(self, tx: Transaction, changes: Sequence[tuple[Organization, Fact]]) -> None:
        await super().save_all(tx, changes)
        await self._unindex(tx, [organization.id for organization, _ in changes])
        await self._index(tx, [organization for organization, _ in changes])

    async def save(self, tx: Transaction, aggregate: Organization, fact: Fact) -> Organization:
        saved = await super().save(tx, aggregate, fact)
        await self._unindex(tx, [aggregate.id])
        await self._index(tx, [aggregate])
        return saved

    async def _unindex(self, tx: Transaction, ids: Sequence[str]) -> None:
        for table in (tables.organization_codes, tables.organization_names):
            for start in range(0, len(ids), _CHUNK):
                await tx.execute(delete(table).where(table.c.organization_id.in_(ids[start : start + _CHUNK])))

    async def _index(self, tx: Transaction, organizations: Sequence[Organization]) -> None:
        codes = [{"scheme": c.scheme, "value": c.value, "organization_id": o.id} for o in organizations for c in o.codes]
        if codes:
            await tx.execute(tables.organization_codes.insert(), codes)
        names = {
            (normalize(name), o.id): {"normalized": normalize(name), "organization_id": o.id, "name": name}
            for o in organizations
            for name in (o.name, *(alias.name for alias in o.aliases))
        }
        await upsert(tx, tables.organization_names, list(names.values()))

    async def by_code(self, tx: Transaction, codes: Sequence[Code]) -> dict[Code, Organization]:
        """The organizations that carry these codes."""
        table = tables.organization_codes
        found: dict[Code, str] = {}
        for start in range(0, len(codes), _CHUNK):
            values = {code.value for code in codes[start : start + _CHUNK]}
            for row in await tx.rows(select(table).where(table.c.value.in_(values))):
                found[Code(scheme=row["scheme"], value=row["value"])] = row["organization_id"]
        wanted = {code: found[code] for code in codes if code in found}
        organizations = {o.id: o for o in await self.find_by(tx, "id", sorted(set(wanted.values())))}
        return {code: organizations[id] for code, id in wanted.items()}

    async def names(self, tx: Transaction) -> list[tuple[str, str]]:
        """Every (organization id, name or alias)."""
        table = tables.organization_names
        return [(row["organization_id"], row["name"]) for row in await tx.rows(select(table))]


organizations = OrganizationStore(
    source=_SOURCE,
    name="organization",
    table=tables.organizations,
    outbox=tables.outbox,
    to_row=_organization_row,
    from_row=_organization,
)


def _match_review(row: Row) -> MatchReview:
    candidates = tuple(Candidate(**candidate) for candidate in row["candidates"])
    return MatchReview(**{**row, "status": ReviewStatus(row["status"]), "candidates": candidates})


def _match_review_row(review: MatchReview) -> dict[str, Any]:
    return {
        "scheme": review.scheme,
        "value": review.value,
        "name": review.name,
        "parent_name": review.parent_name,
        "status": review.status.value,
        "candidates": [{"organization_id": c.organization_id, "name": c.name, "score": c.score} for c in review.candidates],
        "organization_id": review.organization_id,
        "reason": review.reason,
    }


match_reviews = AggregateStore(
    source=_SOURCE,
    name="match review",
    table=tables.match_reviews,
    outbox=tables.outbox,
    to_row=_match_review_row,
    from_row=_match_review,
)


def _designation(row: Row) -> Designation:
    return Designation(
        id=row["id"],
        version=row["version"],
        focus_area=row["focus_area"],
        service=row["service"],
        organization_id=row["organization_id"],
        steps=tuple(_step(step) for step in row["steps"]),
        predecessor_id=row["predecessor_id"],
        successor_id=row["successor_id"],
    )


def _step(found: dict[str, Any]) -> Step:
    return Step(
        action=found["action"],
        status=Status(found["status"]),
        effective_on=date.fromisoformat(found["effective_on"]),
        recorded_at=datetime.fromisoformat(found["recorded_at"]),
        by=found["by"],
        basis=Basis(**found["basis"]),
    )


def _step_document(step: Step) -> dict[str, Any]:
    basis = step.basis
    return {
        "action": step.action,
        "status": step.status.value,
        "effective_on": step.effective_on.isoformat(),
        "recorded_at": step.recorded_at.isoformat(),
        "by": step.by,
        "basis": {"policy": basis.policy, "clause": basis.clause, "reason": basis.reason, "source": basis.source},
    }


def _designation_row(designation: Designation) -> dict[str, Any]:
    return {
        "focus_area": designation.focus_area,
        "service": designation.service,
        "organization_id": designation.organization_id,
        "status": designation.status.value,
        "began_on": designation.steps[0].effective_on,
        "steps": [_step_document(step) for step in designation.steps],
        "predecessor_id": designation.predecessor_id,
        "successor_id": designation.successor_id,
        "recorded_at": designation.last.recorded_at,
    }


designations = AggregateStore(
    source=_SOURCE,
    name="designation",
    table=tables.designations,
    outbox=tables.outbox,
    to_row=_designation_row,
    from_row=_designation,
)


_PLAN = TypeAdapter(Plan)


def _plan_row(plan: Plan) -> dict[str, Any]:
    return {
        "focus_area": plan.focus_area,
        "host_organization_id": plan.host_organization_id,
        "number": plan.number,
        "state": plan.state.value,
        "document": _PLAN.dump_python(plan, mode="json"),
    }


def _plan(row: Row) -> Plan:
    return _PLAN.validate_python({**row["document"], "version": row["version"]})


plans = AggregateStore(source=_SOURCE, name="plan", table=tables.plans, outbox=tables.outbox, to_row=_plan_row, from_row=_plan)


def _board_seat(row: Row) -> BoardSeat:
    return BoardSeat(**row)


def _board_seat_row(seat: BoardSeat) -> dict[str, Any]:
    return {
        "title": seat.title,
        "council": seat.council,
        "organization_id": seat.organization_id,
        "subject": seat.subject,
    }


board_seats = AggregateStore(
    source=_SOURCE,
    name="board seat",
    table=tables.board_seats,
    outbox=tables.outbox,
    to_row=_board_seat_row,
    from_row=_board_seat,
)
