"""The index itself: documents in, ids and exact counts out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

import orjson
import tantivy
from tantivy import Occur, Order, Query

from services.catalog.search import fields
from services.catalog.search.clauses import Clause, Clauses, Sight, any_of, unscored, whole
from services.catalog.search.fields import IMPACT_LEVELS
from services.catalog.search.folder import IndexFolder
from services.catalog.search.place import SHOWN_MAX, Place, Reading, decode
from services.catalog.search.words import Marker, Words
from shared.filtering import All, Any_, Comparison, Filter, Not

_HEAP_BYTES = 20_000_000
_BUCKETS_MAX = 1_000
_TOTAL = "total"
# From so many documents on, what two threads cost is less than what they save.
_BESIDE_DOCS = 300_000
_BRIEF_DOCS, _BRIEF_CHARS = 20_000, 40
_BESIDE_THREADS = 4

# How many match, by value of each facet; where the hits of a page are, and where the next one goes on.
Counted = tuple[int, dict[str, dict[str, int]]]
Paged = tuple[list[tantivy.DocAddress], Place | None]


class Sort(StrEnum):
    """`relevance` without words is by name."""

    RELEVANCE = "relevance"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`text`: words that must all occur, or stand for one that does; `cursor`: of the page before; `on`: of past days, one."""

    text: str = ""
    filter: Filter | None = None
    facets: tuple[str, ...] = ()
    sort: Sort = Sort.RELEVANCE
    limit: int = 50
    cursor: str | None = None
    on: date | None = None

    @property
    def question(self) -> str:
        """What a cursor is for."""
        return repr((self.text, self.filter, self.by_relevance)) + (str(self.on) if self.on else "")

    @property
    def by_relevance(self) -> bool:
        return bool(self.text) and self.sort is Sort.RELEVANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`ids` in order; `count` of all that match; facet → value → count. `loosened`: no offering has every word."""

    ids: tuple[str, ...]
    count: int
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    loosened: bool = False
    next_cursor: str | None = None


class BrokenIndex(Exception):
    """It takes no more documents: its files are gone, its disk is full, or a document is none. Searches still work."""


class OfferingIndex:
    """One writer, many readers; every method may be called from any thread."""

    def __init__(self) -> None:
        self._folder = IndexFolder()
        self._schema = fields.schema()
        self._analyzer = fields.analyzer()
        self._index = tantivy.Index(self._schema, path=str(self._folder.path), sort_by_field=fields.ALIKE)
        self._index.register_tokenizer(fields.ANALYZER, self._analyzer)
        self._clauses = Clauses(self._schema)
        self._words = Words(self._schema, self._analyzer)
        self._writer: tantivy.IndexWriter | None = None
        self._writing = threading.Lock()
        self._searcher = self._index.searcher()
        self._beside = ThreadPoolExecutor(_BESIDE_THREADS, thread_name_prefix="search-counts")

    def put(self, documents: Iterable[Mapping[str, Any]], *, gone: Sequence[str] = (), show: bool = True) -> None:
        """Write documents (in place of all with their ids) and take others away; `show` lets readers see all that was put.

        Raises BrokenIndex.
        """
        with self._writing:
            try:
                self._put(documents, gone=gone, show=show)
            except ValueError as err:  # all that the library raises
                raise BrokenIndex(str(err)) from err

    def _put(self, documents: Iterable[Mapping[str, Any]], *, gone: Sequence[str], show: bool) -> None:
        if self._writer is None:
            self._writer = self._index.writer(_HEAP_BYTES, 1)
        new = list(documents)
        for id_ in dict.fromkeys((*gone, *(document["id"] for document in new))):
            self._writer.delete_documents_by_term("id", id_)
        for document in new:
            self._writer.add_json(orjson.dumps(document).decode())
        if show:
            self._writer.commit()
            self._show()

    def _show(self) -> None:
        self._index.reload()
        self._searcher = self._index.searcher()

    def settle(self) -> None:
        """After many documents: waits until what can be merged is, and shows it. Searches would keep to the many small parts
        until the next document. Raises BrokenIndex.
        """
        with self._writing:
            try:
                if self._writer is not None:
                    self._writer.wait_merging_threads()  # which ends it
                    self._writer = None
                    self._show()
            except ValueError as err:
                raise BrokenIndex(str(err)) from err

    def close(self) -> None:
        """Searches that are under way may end."""
        with self._writing:
            if self._writer is not None:
                with suppress(ValueError):  # of a broken one
                    self._writer.wait_merging_threads()
                self._writer = None
        self._folder.remove()

    @property
    def size(self) -> int:
        return int(self._searcher.num_docs)

    @property
    def parts(self) -> int:
        """Segments, each of which every search reads."""
        return int(self._searcher.num_segments)

    def is_brief(self, wanted: Wanted) -> bool:
        """Takes half a millisecond as a rule, and a few at most with every word misspelled: less than a thread is worth."""
        return self.size <= _BRIEF_DOCS and wanted.filter is None and len(wanted.text) <= _BRIEF_CHARS

    def search(self, wanted: Wanted, sight: Sight) -> Found:
        """Raises Malformed for a cursor of another question, and past what a search by relevance shows."""
        searcher = self._searcher
        if wanted.cursor is not None:
            place = decode(wanted.cursor, wanted.question)
        else:
            place = Place(reading=self._words.reading(wanted.text, searcher))
        clauses = [*(self._clauses.filtered(wanted.filter) if wanted.filter else ()), *self._clauses.seen(sight)]
        clauses += self._clauses.on(wanted.on) if wanted.on else ()
        (count, facets), (addresses, following) = self._answer(searcher, clauses, wanted, place)
        if wanted.text and not count and wanted.cursor is None:
            place = Place(reading=replace(place.reading, loose=True))
            (count, facets), (addresses, following) = self._answer(searcher, clauses, wanted, place)
        return Found(
            ids=_ids(searcher, addresses),
            count=count,
            facets=facets,
            loosened=place.reading.loose and bool(count),
            next_cursor=following.encode(wanted.question) if following else None,
        )

    def _answer(
        self, searcher: tantivy.Searcher, clauses: Sequence[Clause], wanted: Wanted, place: Place
    ) -> tuple[Counted, Paged]:
        """Of many documents the page is looked for while they are counted: both take a core of their own."""
        page = self._best if wanted.by_relevance else self._by_name
        if searcher.num_docs < _BESIDE_DOCS:
            return self._counts(searcher, clauses, wanted, place.reading), page(searcher, clauses, wanted, place)
        counted = self._beside.submit(self._counts, searcher, clauses, wanted, place.reading)
        paged = page(searcher, clauses, wanted, place)
        return counted.result(), paged

    def _matching(self, clauses: Sequence[Clause], wanted: Wanted, reading: Reading) -> list[Clause]:
        return [*self._words.clauses(wanted.text, reading, scored=False), *clauses] if wanted.text else list(clauses)

    def _best(self, searcher: tantivy.Searcher, clauses: Sequence[Clause], wanted: Wanted, place: Place) -> Paged:
        """The best that were not shown: scores move with whatever else changes, and differ between replicas."""
        shown = set(place.shown)
        query = whole([*self._words.clauses(wanted.text, place.reading, scored=True), *unscored(clauses)])
        addresses = [address for _, address in searcher.search(query, len(shown) + wanted.limit + 1, count=False).hits]
        tags = searcher.fast_field_values("tag", addresses)
        fresh = [(address, int(tag or 0)) for address, tag in zip(addresses, tags, strict=True) if tag not in shown]
        page = fresh[: min(wanted.limit, SHOWN_MAX - len(shown))]
        following = replace(place, shown=(*place.shown, *(tag for _, tag in page))) if len(fresh) > len(page) else None
        return [address for address, _ in page], following

    def _by_name(self, searcher: tantivy.Searcher, clauses: Sequence[Clause], wanted: Wanted, place: Place) -> Paged:
        matching = self._matching(clauses, wanted, place.reading)
        if place.key is not None:
            matching.append((Occur.Must, self._index.parse_query(f"sort_name:{{{place.key} TO *}}")))
        query = whole(matching)
        found = searcher.search(query, wanted.limit + 1, count=False, order_by_field="sort_name", order=Order.Asc).hits
        page = found[: wanted.limit]
        following = replace(place, key=page[-1][0]) if len(found) > wanted.limit else None
        return [address for _, address in page], following

    def suggest(self, text: str, sight: Sight, *, limit: int) -> tuple[str, ...]:
        """Ids of offerings in whose names every word begins one, the best first."""
        searcher = self._searcher
        query = whole([(Occur.Must, self._words.beginning(text)), *self._clauses.seen(sight)])
        return _ids(searcher, [address for _, address in searcher.search(query, limit, count=False).hits])

    def naming(self, values: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
        """Ids of all offerings that have one of the values in the field it is given for."""
        searcher = self._searcher
        terms = [self._clauses.term(name, value) for name, each in values.items() for value in each]
        if not terms or not searcher.num_docs:
            return ()
        hits = searcher.search(Query.const_score_query(any_of(terms), 0.0), searcher.num_docs, count=False).hits
        return _ids(searcher, [address for _, address in hits])

    def marker(self, question: str) -> Marker:
        return self._words.marker(question)

    def _counts(self, searcher: tantivy.Searcher, clauses: Sequence[Clause], wanted: Wanted, reading: Reading) -> Counted:
        """Exact, all in one pass; values that the filter names are there also when nothing is left of them."""
        found = searcher.aggregate(whole(self._matching(clauses, wanted, reading)), counting(wanted.facets))
        facets: dict[str, dict[str, int]] = {name: {} for name in wanted.facets}
        for name, value in _named(wanted.filter):
            if name in facets:
                facets[name][value] = 0
        for name, counts in facets.items():
            counts.update((bucket["key"], int(bucket["doc_count"])) for bucket in found[name]["buckets"])
        return int(found[_TOTAL]["value"]), facets


def counting(facets: Sequence[str]) -> dict[str, Any]:
    sizes = {"size": _BUCKETS_MAX, "segment_size": _BUCKETS_MAX * 10}
    by_facet = {name: {"terms": {"field": "impact_word" if name == "impact" else name, **sizes}} for name in facets}
    # Each offering has exactly one revision number.
    return {**by_facet, _TOTAL: {"value_count": {"field": "revision"}}}


def _ids(searcher: tantivy.Searcher, addresses: Iterable[tantivy.DocAddress]) -> tuple[str, ...]:
    return tuple(searcher.doc(address).get_first("id") or "" for address in addresses)


def _named(found: Filter | None) -> Iterator[tuple[str, str]]:
    """(field, value) of all that it compares."""
    match found:
        case Comparison(field=name, value=value):
            yield name, IMPACT_LEVELS[int(value)] if name == "impact" else str(value)
        case Not(inner):
            yield from _named(inner)
        case All(inner) | Any_(inner):
            for each in inner:
                yield from _named(each)
