"""Dated steps from files → designation commands, on whichever designation the service then has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from services.registry import store, tables
from services.registry.commands import designations as commands
from services.registry.domain.designation import Basis, Designation, Status
from shared.auth import Principal
from shared.db import Transaction
from shared.kernel.errors import RuleViolation


@dataclass(frozen=True, slots=True)
class Ledger:
    """Takes steps in one transaction for one actor."""

    tx: Transaction
    by: Principal

    async def current(self, area: str, service: str) -> Designation | None:
        """The designation of the service that has not ended."""
        table = tables.designations
        query = select(table).where(
            table.c.focus_area == area, table.c.service == service, table.c.status != Status.ENDED.value
        )
        row = await self.tx.row(query)
        return None if row is None else store.designations.from_row(row)

    async def take(
        self, action: str, *, area: str, service: str, organization_id: str | None, on: date, basis: Basis
    ) -> Designation:
        """Raises what the commands raise; RuleViolation when there is nothing to move."""
        if action in {"research", "pre-designate"}:
            opening = commands.Opening(focus_area=area, service=service, organization_id=organization_id, effective_on=on)
            return await commands.open_designation(self.tx, action, opening, basis=basis, by=self.by)
        current = await self.current(area, service)
        if current is None:
            raise RuleViolation(f"{area}/{service} has no designation to {action}.")
        if action == "transfer":
            return await commands.transfer_designation(
                self.tx,
                current.id,
                to_organization_id=organization_id or "",
                on=on,
                basis=basis,
                expected_version=current.version,
                by=self.by,
            )
        return await commands.move_designation(
            self.tx,
            current.id,
            action,
            on=on,
            basis=basis,
            expected_version=current.version,
            by=self.by,
            announced=True,
        )
