"""Bus in: findings of oversight become known here; `commands.findings` opens a corrective action for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import update

from services.registry import tables
from shared.bus.port import Bus
from shared.contracts.envelope import Event
from shared.contracts.oversight import FindingRaised, FindingWithdrawn
from shared.db import Database, Transaction, insert_many
from shared.inbox import Consumer


def adoption(db: Database, bus: Bus, *, heard: Callable[[], None], member: str = "0") -> Consumer:
    """The consumer of `qsmo.adoption`; `heard` is called when there is a finding to act on."""

    async def findings_raised(tx: Transaction, events: Sequence[Event]) -> None:
        facts = [FindingRaised.from_json(event.data) for event in events]
        await insert_many(
            tx,
            tables.known_findings,
            [
                {
                    "id": fact.finding_id,
                    "focus_area": fact.focus_area,
                    "title": fact.title,
                    "due_on": fact.due_on,
                    "withdrawn": False,
                }
                for fact in facts
            ],
        )
        tx.after_commit.append(heard)

    return Consumer(
        name="registry",
        db=db,
        bus=bus,
        topics=["qsmo.adoption"],
        tables=tables.inbox,
        handlers={FindingRaised.TYPE: findings_raised, FindingWithdrawn.TYPE: findings_withdrawn},
        member=member,
    )


async def findings_withdrawn(tx: Transaction, events: Sequence[Event]) -> None:
    """What was opened for one in the meantime stays, and is closed as any other."""
    table = tables.known_findings
    ids = [event.subject for event in events]
    await tx.execute(update(table).where(table.c.id.in_(ids)).values(withdrawn=True))
