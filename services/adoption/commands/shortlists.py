"""Shortlists: an analysis is locked, then decided; where nothing suits, demand is raised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from services.adoption import policy, store
from services.adoption.commands.needs import visible_needs
from services.adoption.commands.profiles import known_organization
from services.adoption.domain import demand as demands
from services.adoption.domain import shortlist as domain
from services.adoption.domain.demand import Call, Demand
from services.adoption.domain.fit import Fit, Question, evaluate
from services.adoption.domain.fit_catalog import Catalog
from services.adoption.domain.pinning import pin, unpinned
from services.adoption.domain.shortlist import OFFERINGS_MAX, Decision, Outcome, Shortlist, Status
from services.adoption.queries.fit import question_of
from shared.auth import Principal
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden, Invalid, NotFound, RuleViolation, StaleVersion
from shared.kernel.ids import new_id

# Of those not taken, this many are pinned with why not.
OTHERS_MAX = 100


async def lock_shortlist(
    tx: Transaction, needs_id: str, offering_ids: Sequence[str], *, catalog: Catalog, by: Principal
) -> Shortlist:
    """`offering_ids` in the agency's order; none: only what was considered is locked.

    Raises NotFound, Forbidden; Invalid for an unknown offering; RuleViolation for one that is kept out.
    """
    needs = await visible_needs(tx, needs_id, by=by)
    await _require_own(tx, by, needs.organization_id, to="lock a shortlist")
    if not needs.applicable:
        raise RuleViolation(
            "A shortlist needs at least one need that applies.", code="missing", missing=("a need that applies",)
        )
    question = await question_of(tx, needs)
    fits = [_fit(catalog, id_, index, question) for index, id_ in enumerate(offering_ids)]
    ranking, _ = catalog.ranking(question, limit=OTHERS_MAX + OFFERINGS_MAX)
    others = [fit for fit in ranking if fit.candidate.offering_id not in set(offering_ids)][:OTHERS_MAX]
    pinned = pin(
        question, shortlisted=fits, others=others, considered=len(catalog.candidates), unserved=catalog.unserved(question)
    )
    locked = Shortlist(
        id=new_id(),
        version=0,
        organization_id=needs.organization_id,
        focus_area=needs.focus_area,
        needs_id=needs.id,
        fiscal_year=needs.fiscal_year,
        status=Status(domain.MACHINE.after("lock", state=None)),
        pinned=pinned,
        digest=domain.digest_of(pinned),
        locked_by=by.actor,
        locked_on=tx.at.date(),
    )
    fact = contracts.ShortlistLocked(**await _told(tx, locked))
    return await store.shortlists.add(tx, locked, fact)


def _fit(catalog: Catalog, offering_id: str, index: int, question: Question) -> Fit:
    candidate = catalog.find(offering_id)
    if candidate is None:
        detail = f"No offering {offering_id!r} is on offer in this area."
        raise Invalid.at(f"/offering_ids/{index}", detail, code="unknown-reference")
    fit = evaluate(candidate, question)
    if fit.hindrances:
        missing = tuple(f"{candidate.code}: {hindrance.detail}" for hindrance in fit.hindrances)
        raise RuleViolation(f"{candidate.code} is kept out: {'; '.join(missing)}.", code="kept-out", missing=missing)
    return fit


async def decide_shortlist(
    tx: Transaction,
    id: str,
    *,
    outcome: Outcome,
    offering_id: str | None,
    reason: str,
    expected_version: int,
    by: Principal,
) -> Shortlist:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await visible_shortlist(tx, id, by=by)
    await _require_own(tx, by, current.organization_id, to="decide a shortlist")
    if current.version != expected_version:
        raise StaleVersion(f"The shortlist is at version {current.version}.", current_version=current.version)
    decision = Decision(outcome=outcome, offering_id=offering_id, reason=reason, on=tx.at.date(), by=by.actor)
    decided = domain.decide(current, decision, offering_ids=offering_ids_of(current))
    fact = contracts.ShortlistDecided(**await _told(tx, decided), offering_id=offering_id, reason=reason)
    saved = await store.shortlists.save(tx, decided, fact)
    if outcome is Outcome.NONE_SUITABLE:
        await _raise_demand(tx, saved)
    return saved


async def visible_shortlist(tx: Transaction, id: str, *, by: Principal) -> Shortlist:
    """Raises NotFound also for what the caller may not see."""
    found = await store.shortlists.find(tx, id)
    reach = await policy.reach(tx, by)
    if found is None or not (reach.everything or reach.acts_for(found.organization_id) or found.focus_area in reach.areas):
        raise NotFound(f"There is no shortlist {id!r}.")
    return found


def offering_ids_of(shortlist: Shortlist) -> tuple[str, ...]:
    return tuple(each["candidate"]["offering_id"] for each in json.loads(shortlist.pinned)["shortlisted"])


async def _raise_demand(tx: Transaction, shortlist: Shortlist) -> None:
    """For each activity that no offering would have met when the shortlist was locked."""
    question, _ = unpinned(shortlist.pinned)
    unserved = set(json.loads(shortlist.pinned)["unserved"])
    for need in question.needs:
        if need.fibf_id not in unserved:
            continue
        call = Call(
            organization_id=shortlist.organization_id,
            shortlist_id=shortlist.id,
            mission_critical=need.mission_critical,
            on=tx.at.date(),
        )
        await _call(tx, shortlist.focus_area, need.fibf_id, call)


async def _call(tx: Transaction, focus_area: str, fibf_id: str, call: Call) -> None:
    id_ = demands.demand_id(focus_area, fibf_id)
    known = await store.demands.find(tx, id_)
    demand = demands.raised(known or Demand(id=id_, version=0, fibf_id=fibf_id, focus_area=focus_area), call)
    fact = contracts.DemandRaised(
        fibf_id=fibf_id,
        focus_area=focus_area,
        agency_id=call.organization_id,
        shortlist_id=call.shortlist_id,
        agencies=demand.agencies,
    )
    await (store.demands.save if known else store.demands.add)(tx, demand, fact)


async def _told(tx: Transaction, shortlist: Shortlist) -> dict[str, Any]:
    organization = await known_organization(tx, shortlist.organization_id)
    return {
        "agency_id": shortlist.organization_id,
        "agency_name": organization.name,
        "focus_area": shortlist.focus_area,
        "shortlist_id": shortlist.id,
        "needs_id": shortlist.needs_id,
        "fiscal_year": shortlist.fiscal_year,
        "offering_ids": offering_ids_of(shortlist),
        "status": shortlist.status.value,
        "digest": shortlist.digest,
    }


async def _require_own(tx: Transaction, by: Principal, organization_id: str, *, to: str) -> None:
    if not (await policy.reach(tx, by)).acts_for(organization_id):
        raise Forbidden(f"To {to} needs an agency role that covers the agency.")
