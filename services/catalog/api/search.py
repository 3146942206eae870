"""Search, suggestions and comparison of offerings over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from fastapi import Query, Response

from services.catalog import queries
from services.catalog.api import search_models as models
from services.catalog.api import views
from services.catalog.api.times import AsOf, past_day
from services.catalog.domain.content import Content
from services.catalog.policy import GOVERNMENT_WIDE
from services.catalog.queries import OfferingView
from services.catalog.search import Found, Sight, Sort, Wanted, parse_filter
from services.catalog.search.fields import FACETS, FILTERS
from services.catalog.search.follow import Follower, unread
from services.catalog.search.history import History
from services.catalog.search.place import CURSOR_MAX_CHARS, SHOWN_MAX
from services.catalog.search.turns import Turns
from services.catalog.search.words import Marker, synonyms
from shared.auth import Principal
from shared.db import Transaction
from shared.kernel.errors import Malformed, NotFound
from shared.web.edge import AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Identifier, Line

router = Router(tags=["search"])
_LIMIT_MAX = 100
_COMPARED_MAX = _LIMIT_MAX
_SUGGESTED = 10


@router.get("/v1/search/offerings", response_model=models.SearchPage)
async def search_offerings(
    at: AtEdge,
    q: Annotated[Line | None, Query(description="Words; acronyms and synonyms count, typing errors are forgiven")] = None,
    filter: Annotated[  # noqa: A002 - the name of the parameter in the API
        str | None, Query(description='area = "cybersecurity" and (impact >= moderate or shelf = mandated)')
    ] = None,
    facets: Annotated[str | None, Query(max_length=300, description=f"Comma-separated, of: {', '.join(FACETS)}")] = None,
    sort: Annotated[
        Sort, Query(description=f"By relevance pages end after the best {SHOWN_MAX:,}; by name, or without words, they go on")
    ] = Sort.RELEVANCE,
    limit: Annotated[int, Query(ge=1, le=_LIMIT_MAX)] = 20,
    cursor: Annotated[
        str | None,
        # Its alphabet keeps the longest below what a request line may have.
        Query(pattern=r"^[A-Za-z0-9_-]*$", max_length=CURSOR_MAX_CHARS, description="`next_cursor` of the page before"),
    ] = None,
    as_of: AsOf = None,
) -> Response:
    """What the caller may see, best first; counts are exact under the same words and filter.

    With `as_of`, what was published or listed at the end of that day, as it then was; the name and kind of a provider, the
    kind of a vehicle and the titles of standards are those of now.

    An offering that does not change is on exactly one page, also when others change or another replica answers.
    `X-Index-Lag`: facts that the index has not read yet.
    """
    wanted = Wanted(
        text=q or "",
        filter=parse_filter(filter) if filter is not None else None,
        facets=_facets(facets),
        sort=sort,
        limit=limit,
        cursor=cursor,
        on=past_day(at, as_of),
    )
    page, lag = await _turns(at).in_time(_found(at, wanted))
    answer = at.show(page)
    answer.headers["X-Index-Lag"] = str(lag)
    return answer


@router.get("/v1/search/suggestions", response_model=models.Suggestions)
async def suggest_offerings(q: Line, at: AtEdge) -> Response:
    """Names in which every word given begins one. `X-Index-Lag`: facts that the index has not read yet."""
    found, lag = await _turns(at).in_time(_suggested(at, q))
    names = [models.Suggestion(id=o.offering.id, name=o.offering.content.name) for o in found]
    answer = at.show(models.Suggestions(items=names))
    answer.headers["X-Index-Lag"] = str(lag)
    return answer


@router.get("/v1/search/vocabulary", response_model=models.Vocabulary)
async def show_search_vocabulary(at: AtEdge) -> Response:
    """What filters and facets can name, and which words stand for each other."""
    return at.show(
        models.Vocabulary(
            fields={name: kind.value for name, kind in FILTERS.items()},
            facets=list(FACETS),
            synonyms={first: list(others) for first, others in synonyms().items()},
        )
    )


@router.get("/v1/search/comparison", response_model=models.Comparison)
async def compare_offerings(
    at: AtEdge,
    id: Annotated[list[Identifier], Query(min_length=1, max_length=_COMPARED_MAX, description="Each offering to compare")],
    format: Literal["json", "csv"] = "json",  # noqa: A002 - the parameter's name in the API
    as_of: AsOf = None,
) -> Response:
    """Side by side in the order asked: what each covers, aligned by FIBF id, and the fields that buyers compare."""
    ids, day = tuple(dict.fromkeys(id)), past_day(at, as_of)
    found = await at.read(lambda tx: queries.seen(tx, ids, as_of=day, by=at.principal))
    if len(found) != len(ids):
        missing = next(each for each in ids if each not in {view.offering.id for view in found})
        raise NotFound(f"There {f'was no offering {missing!r} on {day}' if day else f'is no offering {missing!r}'}.")
    shown = views.comparison(found, by=at.principal)
    if format == "json":
        return at.show(shown)
    headers = {"Content-Disposition": 'attachment; filename="comparison.csv"'}
    return Response(_as_csv(shown), 200, headers, "text/csv; charset=utf-8")


def _as_csv(shown: models.Comparison) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["", *(_plain(offering.name) for offering in shown.offerings)])
    for row in (*shown.fields, *shown.coverage):
        writer.writerow([_plain(row.label), *(_plain(value) for value in row.values)])
    return text.getvalue()


def _plain(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t"} else text


async def _found(at: Edge, wanted: Wanted) -> tuple[models.SearchPage, int]:
    """Also how many facts there are by now that the index had not read when it was asked."""
    follower, sight = _follower(at) if wanted.on is None else _history(at), _sight(at.principal)
    place = follower.place() if wanted.on is None else await _history(at).begun()
    index = follower.index
    found = index.search(wanted, sight) if index.is_brief(wanted) else await _turns(at).run(lambda: index.search(wanted, sight))
    marker = index.marker(wanted.text) if wanted.text else None

    async def read(tx: Transaction) -> tuple[models.SearchPage, int]:
        seen = await queries.seen(tx, found.ids, as_of=wanted.on, by=at.principal)
        names = await queries.provider_names(tx, found.facets.get("provider", ()))
        return _page(found, _hits(seen, marker, by=at.principal), names), await unread(tx, place)

    return await at.read(read)


def _page(found: Found, hits: list[models.Hit], names: Mapping[str, str]) -> models.SearchPage:
    return models.SearchPage(
        count=found.count,
        loosened=found.loosened,
        items=hits,
        facets={name: _buckets(counts, names if name == "provider" else {}) for name, counts in found.facets.items()},
        next_cursor=found.next_cursor,
    )


async def _suggested(at: Edge, text: str) -> tuple[list[OfferingView], int]:
    follower, sight = _follower(at), _sight(at.principal)
    place = follower.place()
    ids = await _turns(at).run(lambda: follower.index.suggest(text, sight, limit=_SUGGESTED))

    async def read(tx: Transaction) -> tuple[list[OfferingView], int]:
        return await queries.seen(tx, ids, as_of=None, by=at.principal), await unread(tx, place)

    return await at.read(read)


def _turns(at: Edge) -> Turns:
    found: Turns = at.request.app.state.context.turns
    return found


def _follower(at: Edge) -> Follower:
    found: Follower = at.request.app.state.context.search
    return found


def _history(at: Edge) -> History:
    found: History = at.request.app.state.context.history
    return found


def _sight(by: Principal) -> Sight:
    if by.has_any(GOVERNMENT_WIDE):
        return Sight(everything=True)
    return Sight(areas=by.scopes("qsmo"), providers=by.scopes("provider"))


def _facets(given: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in (given or "").split(",") if name.strip()))
    for name in names:
        if name not in FACETS:
            raise Malformed.at("query:facets", f"There is no facet {name[:40]!r}; the facets are: {', '.join(FACETS)}.")
    return names


def _buckets(counts: Mapping[str, int], names: Mapping[str, str]) -> list[models.Bucket]:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [models.Bucket(value=value, count=count, label=names.get(value)) for value, count in ordered]


def _hits(found: Sequence[OfferingView], marker: Marker | None, *, by: Principal) -> list[models.Hit]:
    return [
        models.Hit(
            offering=views.offering_in_list(view, by=by),
            highlights=_highlights(view.offering.content, marker) if marker else {},
        )
        for view in found
    ]


def _highlights(content: Content, marker: Marker) -> dict[str, list[models.Span]]:
    spans = {"name": marker(content.name), "summary": marker(content.summary)}
    return {name: [models.Span(start=start, end=end) for start, end in found] for name, found in spans.items() if found}
