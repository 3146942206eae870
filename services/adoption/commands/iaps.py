"""Investment action plans: written by the agency, weighed by its posts and the QSMOs, decided by OMB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from services.adoption import policy, store, tables
from services.adoption.commands.profiles import known_organization
from services.adoption.domain import iap as domain
from services.adoption.domain.iap import MACHINE, Condition, Iap, Recommendation, Status, Word
from services.adoption.domain.iap_content import Content
from services.adoption.domain.iap_need import AreaStanding, Kind, Need
from services.adoption.domain.iap_threshold import Threshold, threshold_id
from services.adoption.queries import iaps as known
from shared.auth import Principal
from shared.contracts import oversight as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden, Invalid, NotFound, RuleViolation, StaleVersion
from shared.kernel.ids import new_id

_FACTS: dict[str, type[contracts.IapFact]] = {
    "draft": contracts.IapDrafted,
    "edit": contracts.IapDrafted,
    "return": contracts.IapDrafted,
    "re-review": contracts.IapDrafted,
    "submit": contracts.IapSubmitted,
    "approve": contracts.IapApproved,
    "deny": contracts.IapDenied,
    "withdraw": contracts.IapWithdrawn,
    "expire": contracts.IapExpired,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A plan amid what it rests on today."""

    need: Need
    areas: tuple[AreaStanding, ...]

    @property
    def marketplace_open(self) -> bool:
        return any(area.marketplace_open for area in self.areas)


async def standing_of(tx: Transaction, iap: Iap) -> Standing:
    areas = await known.area_standings(tx, iap.areas)
    cfo_act = await known.is_of_cfo_act(tx, iap.organization_id)
    taken = await known.taken_solution(tx, iap.content.shortlist_id)
    return Standing(need=iap.needs(areas, cfo_act=cfo_act, taken=taken), areas=tuple(areas))


async def draft_iap(tx: Transaction, organization_id: str, areas: tuple[str, ...], content: Content, *, by: Principal) -> Iap:
    """Raises Forbidden; NotFound for an organization not known; Invalid; RuleViolation where no plan is needed."""
    await known_organization(tx, organization_id)
    if not (await policy.reach(tx, by)).acts_for(organization_id):
        raise Forbidden("To draft an investment action plan needs an agency role that covers the agency.")
    await _check(tx, organization_id, areas, content)
    status = Status(MACHINE.after("draft", state=None))
    drafted = Iap(id=new_id(), version=0, organization_id=organization_id, areas=areas, status=status, content=content)
    standing = await standing_of(tx, drafted)
    domain.needed(standing.need)
    return await store.iaps.add(tx, drafted, await _fact(tx, "draft", drafted, standing.need))


async def edit_iap(
    tx: Transaction, id: str, areas: tuple[str, ...], content: Content, *, expected_version: int, by: Principal
) -> Iap:
    """Raises NotFound, Forbidden, StaleVersion, Invalid, RuleViolation."""
    current = await _current(tx, id, "edit", expected_version, by)
    await _check(tx, current.organization_id, areas, content)
    return await _save(tx, "edit", domain.edit(current, content, areas))


async def _check(tx: Transaction, organization_id: str, areas: tuple[str, ...], content: Content) -> None:
    """What is attached is the agency's own."""
    if content.shortlist_id is not None:
        shortlist = await store.shortlists.find(tx, content.shortlist_id)
        if shortlist is None or shortlist.organization_id != organization_id or shortlist.focus_area not in areas:
            detail = f"The agency has no shortlist {content.shortlist_id!r} in these areas."
            raise Invalid.at("/shortlist_id", detail, code="unknown-reference")
    for index, system_id in enumerate(content.systems):
        system = await store.systems.find(tx, system_id)
        if system is None or system.organization_id != organization_id:
            raise Invalid.at(f"/systems/{index}", f"The agency has no system {system_id!r}.", code="unknown-reference")


async def endorse_iap(tx: Transaction, id: str, *, expected_version: int, by: Principal) -> Iap:
    """By the agency's head where the plan is comprehensive, else by its SAPOC. Raises as `sign_iap` does."""
    current = await _current(tx, id, "endorse", expected_version, by)
    kind = domain.needed((await standing_of(tx, current)).need)
    word = await _post_word(tx, current, current.endorser(kind), by=by, text="")
    return await _save(tx, "endorse", domain.endorse(current, word, kind=kind), word=word)


async def recommend_iap(
    tx: Transaction,
    id: str,
    *,
    focus_area: str | None,
    in_favour: bool,
    rationale: str,
    warranted: bool,
    expected_version: int,
    by: Principal,
) -> Iap:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, "recommend", expected_version, by)
    area = _own_area(current, focus_area, by, role="qsmo")
    given = Recommendation(
        focus_area=area, in_favour=in_favour, rationale=rationale, by=by.actor, on=tx.at.date(), warranted=warranted
    )
    word = Word(party=f"qsmo:{area}", by=by.actor, on=tx.at.date(), text=rationale)
    return await _save(tx, "recommend", domain.recommend(current, given), word=word)


async def submit_iap(tx: Transaction, id: str, *, expected_version: int, by: Principal) -> Iap:
    """Raises RuleViolation with all that is missing, or when no plan is needed any more."""
    current = await _current(tx, id, "submit", expected_version, by)
    standing = await standing_of(tx, current)
    kind = domain.needed(standing.need)
    return await _save(tx, "submit", domain.submit(current, kind=kind, marketplace_open=standing.marketplace_open, by=by.actor))


async def answer_iap(
    tx: Transaction, id: str, *, party: str, focus_area: str | None, text: str, expected_version: int, by: Principal
) -> Iap:
    """A stakeholder's answer in the preliminary review. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, "answer", expected_version, by)
    if party in {"omb", "coordinator"}:
        policy.require(by, party, to=f"answer for {party}")
        name = party
    else:
        name = f"{party}:{_own_area(current, focus_area, by, role=party)}"
    word = Word(party=name, by=by.actor, on=tx.at.date(), text=text)
    return await _save(tx, "answer", domain.answer(current, word), word=word)


async def sign_iap(
    tx: Transaction, id: str, *, party: str, focus_area: str | None, expected_version: int, by: Principal
) -> Iap:
    """`sapoc`, `cio` or `qsmo`. Raises RuleViolation naming a vacancy; NotFound, Forbidden, StaleVersion."""
    current = await _current(tx, id, "sign", expected_version, by)
    if party == "qsmo":
        area = _own_area(current, focus_area, by, role="qsmo")
        word = Word(party=f"qsmo:{area}", by=by.actor, on=tx.at.date())
    else:
        word = await _post_word(tx, current, party, by=by, text="")
    return await _save(tx, "sign", domain.sign(current, word), word=word)


async def approve_iap(
    tx: Transaction,
    id: str,
    *,
    conditions: list[Condition],
    expires_on: date,
    reason: str | None,
    expected_version: int,
    by: Principal,
) -> Iap:
    """OMB's, the last of the four. Raises RuleViolation naming the approvals that are missing."""
    current = await _current(tx, id, "approve", expected_version, by)
    decided = domain.approve(current, conditions, expires_on=expires_on, on=tx.at.date(), by=by.actor, reason=reason)
    return await _save(tx, "approve", decided)


async def satisfy_condition(
    tx: Transaction, id: str, condition_id: str, *, evidence: str, expected_version: int, by: Principal
) -> Iap:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, "satisfy", expected_version, by)
    satisfied = domain.satisfy(current, condition_id, evidence=evidence, on=tx.at.date(), by=by.actor)
    text = next(each.text for each in satisfied.conditions if each.id == condition_id)
    told = await _told(tx, "satisfy", satisfied, (await standing_of(tx, satisfied)).need)
    fact = contracts.IapConditionSatisfied(**told, condition=text, evidence=evidence)
    return await store.iaps.save(tx, satisfied, fact)


async def move_iap(tx: Transaction, id: str, action: str, *, reason: str, expected_version: int, by: Principal) -> Iap:
    """Every action that takes no more than a reason. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, action, expected_version, by)
    on = tx.at.date()
    moves: dict[str, Callable[[], Iap]] = {
        "ask-preliminary": lambda: domain.ask_preliminary(current, on=on),
        "start-review": lambda: domain.start_review(current, on=on),
        "return": lambda: domain.send_back(current, reason=reason),
        "deny": lambda: domain.deny(current, on=on, by=by.actor, reason=reason),
        "withdraw": lambda: domain.withdraw(current, reason=reason),
        "re-review": lambda: domain.review_again(current, reason=reason),
    }
    return await _save(tx, action, moves[action]())


async def set_threshold(
    tx: Transaction, focus_area: str, amount: Decimal, *, reason: str, expected_version: int | None, by: Principal
) -> Threshold:
    """By the QSMO of the area. `expected_version`: of the one there is. Raises Forbidden, StaleVersion."""
    if not by.has("qsmo", scope=focus_area):
        raise Forbidden(f"The threshold of {focus_area} is set by its QSMO.")
    found = await store.iap_thresholds.find(tx, threshold_id(focus_area))
    if (found.version if found else None) != expected_version:
        now = f"is at version {found.version}: send its ETag as If-Match" if found else "does not exist: send no If-Match"
        raise StaleVersion(f"The threshold {now}.", current_version=found.version if found else None)
    fact = contracts.IapThresholdSet(focus_area=focus_area, amount=str(amount), reason=reason)
    version = found.version if found else 0
    made = Threshold(
        id=threshold_id(focus_area), version=version, focus_area=focus_area, amount=amount, reason=reason, by=by.actor
    )
    return await (store.iap_thresholds.save(tx, made, fact) if found else store.iap_thresholds.add(tx, made, fact))


async def tell_expired(tx: Transaction) -> None:
    """Every approval whose last day is over, once."""
    table = tables.iaps
    query = select(table).where(table.c.status == Status.APPROVED.value, table.c.expires_on < tx.at.date())
    for found in map(store.iaps.from_row, await tx.rows(query)):
        await _save(tx, "expire", domain.expire(found))


async def visible_iap(tx: Transaction, id: str, *, by: Principal) -> Iap:
    """Raises NotFound also for what the caller may not see."""
    found = await store.iaps.find(tx, id)
    reach = await policy.reach(tx, by)
    if found is None or not (reach.everything or reach.acts_for(found.organization_id) or set(reach.areas) & set(found.areas)):
        raise NotFound(f"There is no investment action plan {id!r}.")
    return found


async def _current(tx: Transaction, id: str, action: str, expected_version: int, by: Principal) -> Iap:
    current = await visible_iap(tx, id, by=by)
    if not await may(tx, current, action, by):
        raise Forbidden(
            f"To {action} this plan needs one of the roles {', '.join(MACHINE.roles_for(action))}, of its own side."
        )
    if current.version != expected_version:
        raise StaleVersion(f"The plan is at version {current.version}.", current_version=current.version)
    return current


async def may(tx: Transaction, iap: Iap, action: str, by: Principal) -> bool:
    """Whether the caller's roles allow the action, whatever the state."""
    roles = MACHINE.roles_for(action)
    if any(role in roles and by.has(role) for role in ("omb", "coordinator")):
        return True
    if any(role in roles and set(by.scopes(role)) & set(iap.areas) for role in ("qsmo", "standards")):
        return True
    return "agency" in roles and (await policy.reach(tx, by)).acts_for(iap.organization_id)


def _own_area(iap: Iap, focus_area: str | None, by: Principal, *, role: str) -> str:
    """The area spoken for. Raises Forbidden where it is not the caller's."""
    own = [area for area in iap.areas if area in by.scopes(role) and focus_area in {None, area}]
    if not own:
        raise Forbidden(f"To speak for an area needs its role {role}.")
    return own[0]


async def _post_word(tx: Transaction, iap: Iap, post: str, *, by: Principal, text: str) -> Word:
    """Of the agency's `post`, by its holder or a delegate. Raises Forbidden; RuleViolation naming a vacancy."""
    role = "head" if post == "agency-head" else post
    holding = Principal(by.subject, tuple(each for each in by.roles if each.post == role))
    if not (await policy.reach(tx, holding)).acts_for(iap.organization_id):
        raise Forbidden(f"To speak for the agency's {post} needs its role with the post {role}.")
    found = await known.signer(tx, iap.organization_id, post, subject=by.actor, on=tx.at.date())
    if not found.may:
        raise RuleViolation(f"This needs {found.why}.", code="missing", missing=(found.why,))
    return Word(party=post, by=by.actor, on=tx.at.date(), text=text, acting_for=found.acting_for)


async def _save(tx: Transaction, action: str, iap: Iap, *, word: Word | None = None) -> Iap:
    standing = await standing_of(tx, iap)
    return await store.iaps.save(tx, iap, await _fact(tx, action, iap, standing.need, word))


async def _fact(tx: Transaction, action: str, iap: Iap, need: Need, word: Word | None = None) -> contracts.IapFact:
    return _FACTS.get(action, contracts.IapReviewed)(**await _told(tx, action, iap, need, word))


async def _told(tx: Transaction, action: str, iap: Iap, need: Need, word: Word | None = None) -> dict[str, object]:
    organization = await known_organization(tx, iap.organization_id)
    kind: Kind | None = need.kind
    return {
        "iap_id": iap.id,
        "agency_id": iap.organization_id,
        "agency_name": organization.name,
        "focus_area": iap.areas[0],
        "areas": iap.areas,
        "title": iap.content.title,
        "fiscal_year": iap.content.fiscal_year,
        "amount": str(iap.content.purchase.amount),
        "status": iap.status.value,
        "action": action,
        "kind": kind,
        "triggers": tuple(need.triggers),
        "party": word.party if word else None,
        "acting_for": word.acting_for if word else None,
        "answers_due_on": iap.answers_due_on,
        "expires_on": iap.expires_on,
        "open_conditions": len(iap.open_conditions),
        "reason": iap.reason,
    }
