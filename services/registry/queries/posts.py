"""Posts and board seats, and which of them are vacant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import String, cast, exists, literal, null, select, union_all
from sqlalchemy.sql.selectable import Subquery

from services.registry import store, tables
from services.registry.domain.delegation import Delegation, in_force
from services.registry.domain.plan_review import BoardSeat
from services.registry.domain.post import Post, PostKind, PostState, PostStep
from shared.db import Row, Transaction
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_in_memory, page_of

BOARD_SEAT = "board-seat"
_SEATS = listing(tables.board_seats, "title", "council", "organization_id", sorts=("title",))
_POSTS = listing(tables.posts, "kind", "organization_id", "focus_area", "state", renamed={"effective_on": tables.posts.c.since})


async def board_seats(tx: Transaction, request: PageRequest) -> Page[BoardSeat]:
    table = tables.board_seats
    read = store.board_seats.from_row
    return await page_of(tx, select(table), by=[table.c.id], request=request, read=read, listing=_SEATS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFilter:
    """`as_of` by effective date (default: the newest step), `known_at` by what was recorded then."""

    kind: PostKind | None = None
    organization_id: str | None = None
    area: str | None = None
    state: PostState | None = None
    as_of: date | None = None
    known_at: datetime | None = None

    @property
    def is_dated(self) -> bool:
        return self.as_of is not None or self.known_at is not None


@dataclass(frozen=True, slots=True)
class PostAt:
    """A post as it was at the time asked about; `is_past` when a time was asked about."""

    post: Post
    is_past: bool = False

    @property
    def step(self) -> PostStep:
        return self.post.last

    # As the columns are called, for filters.
    @property
    def id(self) -> str:
        return self.post.id

    @property
    def kind(self) -> PostKind:
        return self.post.kind

    @property
    def organization_id(self) -> str | None:
        return self.post.organization_id

    @property
    def focus_area(self) -> str | None:
        return self.post.focus_area

    @property
    def state(self) -> PostState:
        return self.step.state

    @property
    def since(self) -> date:
        return self.step.on


async def posts(tx: Transaction, wanted: PostFilter, request: PageRequest) -> Page[PostAt]:
    c = tables.posts.c
    query = select(tables.posts)
    for column, value in ((c.kind, wanted.kind), (c.organization_id, wanted.organization_id), (c.focus_area, wanted.area)):
        if value is not None:
            query = query.where(column == str(value))
    if wanted.is_dated:
        rows = await tx.rows(query)
        found = [at for row in rows if (at := post_at(store.posts.from_row(row), wanted))]
        held = [at for at in found if wanted.state in {None, at.step.state}]
        return page_in_memory(held, key=lambda at: (at.id,), request=request, listing=_POSTS)
    if wanted.state is not None:
        query = query.where(c.state == wanted.state.value)
    return await page_of(tx, query, by=[c.id], request=request, read=_newest, listing=_POSTS)


def _newest(row: Row) -> PostAt:
    return PostAt(store.posts.from_row(row))


def post_at(post: Post, wanted: PostFilter) -> PostAt | None:
    if not wanted.is_dated:
        return PostAt(post)
    then = post.as_of(wanted.as_of or date.max, known_at=wanted.known_at)
    return PostAt(then, is_past=True) if then else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacancy:
    """A post or seat that nobody holds; `since` is None where no date is on record."""

    id: str
    kind: str
    organization_id: str | None
    focus_area: str | None
    since: date | None
    delegation: Delegation | None = None


async def vacancies(tx: Transaction, request: PageRequest) -> Page[Vacancy]:
    """Of organizations that exist still."""
    today = tx.at.date()
    found = _vacant(today)
    named = listing(found, "kind", "organization_id", "focus_area", renamed={"vacant_since": found.c.since})
    read = lambda row: _vacancy(row, today)  # noqa: E731 - used once, too long inline
    return await page_of(tx, select(found), by=[found.c.id], request=request, read=read, listing=named)


def _vacant(today: date) -> Subquery:
    seats, posts, organizations = tables.board_seats.c, tables.posts.c, tables.organizations.c
    is_over = exists().where(organizations.id == posts.organization_id, organizations.valid_to <= today)
    return union_all(
        select(
            literal(f"{BOARD_SEAT}:").concat(seats.id).label("id"),
            literal(BOARD_SEAT).label("kind"),
            seats.organization_id,
            cast(null(), String).label("focus_area"),
            cast(null(), posts.since.type).label("since"),
            seats.delegations,
        ).where(seats.subject.is_(None)),
        select(posts.id, posts.kind, posts.organization_id, posts.focus_area, posts.since, posts.delegations).where(
            posts.state == PostState.VACANT.value, ~is_over
        ),
    ).subquery()


def _vacancy(row: Row, today: date) -> Vacancy:
    given = store.delegations(row["delegations"]) if row["delegations"] else ()
    return Vacancy(
        id=row["id"],
        kind=row["kind"],
        organization_id=row["organization_id"],
        focus_area=row["focus_area"],
        since=row["since"],
        delegation=in_force(given, today),
    )
