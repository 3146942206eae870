"""Feedback: given by a customer, answered by the provider, moderated by the coordinator."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from services.adoption import policy, queries, store, tables
from services.adoption.commands.profiles import known_organization
from services.adoption.commands.slas import provides
from services.adoption.domain import feedback as domain
from services.adoption.domain.adoption import Status
from services.adoption.domain.feedback import Dimension, Feedback, Moderation, Reply, Verdict
from shared.auth import Principal
from shared.contracts import oversight as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Forbidden, NotFound, RuleViolation, StaleVersion
from shared.kernel.ids import new_id


async def give_feedback(
    tx: Transaction, adoption_id: str, ratings: Mapping[Dimension, int], text: str, *, by: Principal
) -> Feedback:
    """Of the present quarter, once. Raises NotFound, Forbidden, Conflict; RuleViolation for an adoption that was withdrawn."""
    reach = await policy.reach(tx, by)
    adoption = await queries.adoption(tx, adoption_id, reach=reach)
    if not reach.acts_for(adoption.organization_id):
        raise Forbidden("To give feedback needs an agency role that covers the adopting agency.")
    if adoption.status is Status.WITHDRAWN:
        raise RuleViolation("The adoption was withdrawn.", code="missing", missing=("an adoption that is not withdrawn",))
    table, quarter = tables.feedbacks, domain.quarter_of(tx.at.date())
    given = select(table.c.id).where(table.c.adoption_id == adoption_id, table.c.quarter == quarter)
    if (row := await tx.row(given)) is not None:
        raise Conflict(f"The adoption has feedback of {quarter}: {row['id']}.", code="exists")
    offering = (await queries.offerings_by_id(tx, [adoption.offering_id])).get(adoption.offering_id)
    made = Feedback(
        id=new_id(),
        version=0,
        adoption_id=adoption.id,
        organization_id=adoption.organization_id,
        offering_id=adoption.offering_id,
        focus_area=offering.focus_areas[0] if offering and offering.focus_areas else "",
        quarter=quarter,
        ratings=ratings,
        text=text,
        by=by.actor,
        on=tx.at.date(),
    )
    return await store.feedbacks.add(tx, made, contracts.FeedbackGiven(**await _told(tx, made)))


async def answer_feedback(tx: Transaction, id: str, text: str, *, expected_version: int, by: Principal) -> Feedback:
    """By the provider, once. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, expected_version, by)
    if not await provides(tx, current.offering_id, by):
        raise Forbidden("The right of reply is the provider's.")
    changed = domain.answered(current, Reply(text=text, by=by.actor, on=tx.at.date()))
    return await store.feedbacks.save(tx, changed, contracts.FeedbackAnswered(**await _told(tx, changed)))


async def moderate_feedback(
    tx: Transaction, id: str, verdict: Verdict, reason: str, *, expected_version: int, by: Principal
) -> Feedback:
    """By the coordinator. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, expected_version, by)
    policy.require(by, "coordinator", to="moderate feedback")
    entry = Moderation(verdict=verdict, reason=reason, by=by.actor, on=tx.at.date())
    changed = domain.moderated(current, entry)
    fact = contracts.FeedbackModerated(**await _told(tx, changed), verdict=verdict.value, reason=reason)
    return await store.feedbacks.save(tx, changed, fact)


async def visible_feedback(tx: Transaction, id: str, *, by: Principal) -> Feedback:
    """Raises NotFound also for what the caller may not see."""
    found = await store.feedbacks.find(tx, id)
    reach = await policy.reach(tx, by)
    if found is not None and (
        reach.everything
        or reach.acts_for(found.organization_id)
        or found.focus_area in reach.areas
        or await provides(tx, found.offering_id, by)
    ):
        return found
    raise NotFound(f"There is no feedback {id!r}.")


async def reads_hidden(tx: Transaction, feedback: Feedback, by: Principal) -> bool:
    """Who moderates, and who wrote it."""
    return by.has("coordinator") or by.has("auditor") or (await policy.reach(tx, by)).acts_for(feedback.organization_id)


async def _current(tx: Transaction, id: str, expected_version: int, by: Principal) -> Feedback:
    current = await visible_feedback(tx, id, by=by)
    if current.version != expected_version:
        raise StaleVersion(f"The feedback is at version {current.version}.", current_version=current.version)
    return current


async def _told(tx: Transaction, feedback: Feedback) -> dict[str, object]:
    organization = await known_organization(tx, feedback.organization_id)
    return {
        "feedback_id": feedback.id,
        "adoption_id": feedback.adoption_id,
        "agency_id": feedback.organization_id,
        "agency_name": organization.name,
        "focus_area": feedback.focus_area,
        "offering_id": feedback.offering_id,
        "quarter": feedback.quarter,
        "ratings": {dimension.value: rating for dimension, rating in feedback.ratings.items()},
    }
