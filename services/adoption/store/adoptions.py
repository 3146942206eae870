"""Adoptions, and their steps as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select

from services.adoption import tables
from services.adoption.domain.adoption import Adoption, Stall, Status, Step
from services.adoption.domain.gate import Assessment, Gates, GoLive, Outcome, Result, Side, Signature
from services.adoption.domain.letter import Letter, LetterKind
from services.adoption.domain.m3 import Phase
from services.adoption.store.work import risk_document, risk_of, work_document, work_of
from shared.contracts.fact import Fact
from shared.db import Row, Transaction, among, insert_many
from shared.outbox import AggregateStore


def pair(organization_id: str, offering_id: str) -> str:
    """Who adopts what, as one key."""
    return f"{organization_id} {offering_id}"


def _letter(found: dict[str, Any]) -> Letter:
    return Letter(
        kind=LetterKind(found["kind"]),
        ato_on=date.fromisoformat(found["ato_on"]),
        authorized_on=_day(found["authorized_on"]),
        expires_on=_day(found["expires_on"]),
        assessment=found["assessment"],
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _letter_document(letter: Letter) -> dict[str, Any]:
    return {
        "kind": letter.kind.value,
        "ato_on": letter.ato_on.isoformat(),
        "authorized_on": letter.authorized_on and letter.authorized_on.isoformat(),
        "expires_on": letter.expires_on and letter.expires_on.isoformat(),
        "assessment": letter.assessment,
    }


def _step(found: dict[str, Any]) -> Step:
    return Step(
        action=found["action"],
        status=Status(found["status"]),
        phase=Phase(found["phase"]),
        effective_on=date.fromisoformat(found["effective_on"]),
        recorded_at=datetime.fromisoformat(found["recorded_at"]),
        by=found["by"],
        reason=found["reason"],
    )


def _step_document(step: Step) -> dict[str, Any]:
    return {
        "action": step.action,
        "status": step.status.value,
        "phase": step.phase.value,
        "effective_on": step.effective_on.isoformat(),
        "recorded_at": step.recorded_at.isoformat(),
        "by": step.by,
        "reason": step.reason,
    }


def _gates(found: dict[str, Any]) -> Gates:
    return Gates(
        assessments=tuple(
            Assessment(**{**each, "result": Result(each["result"]), "on": date.fromisoformat(each["on"])})
            for each in found.get("assessments", ())
        ),
        signatures=tuple(
            Signature(phase=Phase(each["phase"]), side=Side(each["side"]), on=date.fromisoformat(each["on"]), by=each["by"])
            for each in found.get("signatures", ())
        ),
        go_live=_go_live(found["go_live"]) if found.get("go_live") else None,
        risks=tuple(map(risk_of, found.get("risks", ()))),
    )


def _go_live(found: dict[str, Any]) -> GoLive:
    days = {name: date.fromisoformat(found[name]) for name in ("go_live_on", "on")}
    return GoLive(**{**found, **days, "outcome": Outcome(found["outcome"])})


def _gates_document(gates: Gates) -> dict[str, Any]:
    """Empty for the thousands of adoptions that never passed a gate here."""
    if not (gates.assessments or gates.signatures or gates.go_live or gates.risks):
        return {}
    decided = gates.go_live
    return {
        "assessments": [{**asdict(each), "on": each.on.isoformat()} for each in gates.assessments],
        "signatures": [{**asdict(each), "on": each.on.isoformat()} for each in gates.signatures],
        "go_live": decided and {**asdict(decided), "go_live_on": decided.go_live_on.isoformat(), "on": decided.on.isoformat()},
        "risks": [risk_document(each) for each in gates.risks],
    }


def _stall(row: Row) -> Stall | None:
    if row["stall_found_on"] is None:
        return None
    return Stall(
        found_on=row["stall_found_on"], progress_on=row["stall_progress_on"], threshold_days=row["stall_threshold_days"]
    )


def _adoption(row: Row) -> Adoption:
    return Adoption(
        id=row["id"],
        version=row["version"],
        organization_id=row["organization_id"],
        offering_id=row["offering_id"],
        offering_revision=row["offering_revision"],
        steps=tuple(_step(step) for step in row["steps"]),
        letters=tuple(_letter(letter) for letter in row["letters"]),
        source=row["source"],
        gates=_gates(row["gates"]),
        stall=_stall(row),
        work=work_of(row["work"]),
    )


def _adoption_row(adoption: Adoption) -> dict[str, Any]:
    return {
        "organization_id": adoption.organization_id,
        "offering_id": adoption.offering_id,
        "pair": pair(adoption.organization_id, adoption.offering_id),
        "offering_revision": adoption.offering_revision,
        "status": adoption.status.value,
        "phase": adoption.phase.value,
        "started_on": adoption.started_on,
        "source": adoption.source,
        "steps": [_step_document(step) for step in adoption.steps],
        "letters": [_letter_document(letter) for letter in adoption.letters],
        "gates": _gates_document(adoption.gates),
        "work": work_document(adoption.work),
        "target_on": adoption.target_on,
        "stalled": adoption.is_stalled,
        "stall_found_on": adoption.stall and adoption.stall.found_on,
        "stall_progress_on": adoption.stall and adoption.stall.progress_on,
        "stall_threshold_days": adoption.stall and adoption.stall.threshold_days,
    }


class AdoptionStore(AggregateStore[Adoption]):
    """Keeps the steps as rows in step with each adoption; one of a single step is told by its own row."""

    async def add_all(self, tx: Transaction, changes: Sequence[tuple[Adoption, Fact]]) -> None:
        await super().add_all(tx, changes)
        await self._index(tx, [adoption for adoption, _ in changes])

    async def save_all(self, tx: Transaction, changes: Sequence[tuple[Adoption, Fact]]) -> None:
        await super().save_all(tx, changes)
        await self._reindex(tx, [adoption for adoption, _ in changes])

    async def save(self, tx: Transaction, aggregate: Adoption, fact: Fact) -> Adoption:
        saved = await super().save(tx, aggregate, fact)
        await self._reindex(tx, [aggregate])
        return saved

    async def _reindex(self, tx: Transaction, adoptions: Sequence[Adoption]) -> None:
        table = tables.adoption_steps
        await tx.execute(delete(table).where(among(tx, table.c.adoption_id, [adoption.id for adoption in adoptions])))
        await self._index(tx, adoptions)

    async def _index(self, tx: Transaction, adoptions: Sequence[Adoption]) -> None:
        rows = [
            {
                "adoption_id": adoption.id,
                "number": number,
                "effective_on": step.effective_on,
                "status": step.status.value,
                "phase": step.phase.value,
            }
            for adoption in adoptions
            if len(adoption.steps) > 1
            for number, step in enumerate(adoption.steps)
        ]
        await insert_many(tx, tables.adoption_steps, rows)

    async def of_pairs(self, tx: Transaction, pairs: Sequence[str]) -> dict[str, Adoption]:
        """By `pair`: the live adoption, else the latest one."""
        table = self.table
        found: dict[str, Adoption] = {}
        for row in await tx.rows(select(table).where(among(tx, table.c.pair, pairs)).order_by(table.c.id)):
            adoption = self.from_row(row)
            if adoption.is_live or row["pair"] not in found or not found[row["pair"]].is_live:
                found[row["pair"]] = adoption
        return found


adoptions = AdoptionStore(
    source="/adoption",
    name="adoption",
    table=tables.adoptions,
    outbox=tables.outbox,
    to_row=_adoption_row,
    from_row=_adoption,
)
