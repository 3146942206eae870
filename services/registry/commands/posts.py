"""Posts: fill, vacate, delegate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from services.registry import facts, store
from services.registry.domain import delegation as delegations
from services.registry.domain import post as domain
from services.registry.domain.delegation import DelegationGiven
from services.registry.domain.post import Holder, Post, PostKind, PostStep
from services.registry.policy import require_delegation, require_for
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Invalid, StaleVersion

_FACTS: dict[str, type[contracts.PostFact]] = {"fill": contracts.PostFilled, "vacate": contracts.PostVacated}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostChange:
    """Who holds the post from the day on; nobody when `holder` is None."""

    on: date
    holder: Holder | None = None
    reason: str | None = None
    source: str | None = None

    @property
    def action(self) -> str:
        return "fill" if self.holder else "vacate"


async def open_post(tx: Transaction, kind: PostKind, scope: str, change: PostChange, *, by: Principal) -> Post:
    """On record from now on, filled or vacant; `scope` is an organization, or the area of a QSMO director.

    Raises Forbidden; Invalid for an unknown scope; Conflict when it is on record.
    """
    require_for(by, f"{change.action} post")
    await _check_scope(tx, kind, scope)
    post = domain.opened(kind, _step(tx, None, change.action, change, by=by), scope=scope)
    if await store.posts.find(tx, post.id) is not None:
        raise Conflict(f"The post {post.id} is on record; fill or vacate it there.", code="on-record-already")
    return await store.posts.add(tx, post, facts.post(_FACTS[change.action], post))


async def move_post(tx: Transaction, id: str, action: str, change: PostChange, *, expected_version: int, by: Principal) -> Post:
    """`fill` or `vacate`. Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    require_for(by, f"{action} post")
    post = await _post_at(tx, id, expected_version)
    moved = domain.moved(post, _step(tx, post, action, change, by=by))
    return await store.posts.save(tx, moved, facts.post(_FACTS[action], moved))


async def delegate_post(tx: Transaction, id: str, given: DelegationGiven, *, expected_version: int, by: Principal) -> Post:
    """Also of a vacant post, by the coordinator. Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    post = await _post_at(tx, id, expected_version)
    holder = _subject(post)
    require_delegation(by, holder=holder, of=f"the post {id}")
    new = given.recorded(by=by.actor, at=tx.at)
    changed = replace(post, delegations=delegations.delegated(post.delegations, new, holder=holder))
    return await store.posts.save(tx, changed, facts.post(contracts.PostDelegated, changed))


async def end_post_delegation(tx: Transaction, id: str, *, on: date, expected_version: int, by: Principal) -> Post:
    """Raises Forbidden, NotFound, StaleVersion; RuleViolation when none is in force on that day."""
    post = await _post_at(tx, id, expected_version)
    require_delegation(by, holder=_subject(post), of=f"the post {id}")
    changed = replace(post, delegations=delegations.ended(post.delegations, on=on))
    return await store.posts.save(tx, changed, facts.post(contracts.PostDelegationEnded, changed))


def _step(tx: Transaction, post: Post | None, action: str, change: PostChange, *, by: Principal) -> PostStep:
    return domain.step(
        action,
        state=post.last.state if post else None,
        holder=change.holder,
        on=change.on,
        at=tx.at,
        by=by.actor,
        reason=change.reason,
        source=change.source,
    )


def _subject(post: Post) -> str | None:
    return post.last.holder.subject if post.last.holder else None


async def _post_at(tx: Transaction, id: str, expected_version: int) -> Post:
    post = await store.posts.get(tx, id)
    if post.version != expected_version:
        raise StaleVersion(f"The post is at version {post.version}.", current_version=post.version)
    return post


async def _check_scope(tx: Transaction, kind: PostKind, scope: str) -> None:
    if kind is PostKind.QSMO_DIRECTOR:
        if await store.focus_areas.find(tx, scope) is None:
            raise Invalid.at("/focus_area", f"There is no focus area {scope!r}.", code="unknown-reference")
    elif await store.organizations.find(tx, scope) is None:
        raise Invalid.at("/organization_id", f"There is no organization {scope!r}.", code="unknown-reference")
