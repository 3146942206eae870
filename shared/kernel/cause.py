"""Why a change happens: who asked, within which request, following which event."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Travels from the edge into every fact recorded in that transaction."""

    actor: str
    correlation_id: str = field(default_factory=new_id)
    causation_id: str | None = None
    traceparent: str | None = None
