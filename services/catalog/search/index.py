"""The index itself: documents in, ids and exact counts out."""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import tantivy
from tantivy import FieldType, Occur, Order, Query

from services.catalog.search import fields
from services.catalog.search.fields import FILTERS, IMPACT_LEVELS, Type
from services.catalog.search.filters import All, Any_, Comparison, Filter, Not
from services.catalog.search.words import Words

_HEAP_BYTES = 20_000_000
_BUCKETS_MAX = 1_000
# Generations of the index that a cursor can still point into.
_GENERATIONS_KEPT = 16
REACH_MAX = 10_000


class Sort(StrEnum):
    """`relevance` without words is by name."""

    RELEVANCE = "relevance"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the caller may see beside what is public: everything, the drafts of areas led, and of one's own provider."""

    everything: bool = False
    areas: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`text`: words that must all occur, or stand for one that does; `generation` and `offset`: where a page goes on."""

    text: str = ""
    filter: Filter | None = None
    facets: tuple[str, ...] = ()
    sort: Sort = Sort.RELEVANCE
    limit: int = 50
    offset: int = 0
    generation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`ids` in order; `count` of all that match; facet → value → count. `loosened`: no offering has every word."""

    ids: tuple[str, ...]
    count: int
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    generation: int
    loosened: bool = False


class OfferingIndex:
    """One writer, many readers; every method may be called from any thread."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="qsmo-index-", ignore_cleanup_errors=True)
        self._schema = fields.schema()
        self._analyzer = fields.analyzer()
        self._index = tantivy.Index(self._schema, path=self._folder.name)
        self._index.register_tokenizer(fields.ANALYZER, self._analyzer)
        self._words = Words(self._schema, self._analyzer)
        self._writer: tantivy.IndexWriter | None = None
        self._writing = threading.Lock()
        self._generation = 0
        self._searchers: OrderedDict[int, tantivy.Searcher] = OrderedDict({0: self._index.searcher()})

    def put(self, documents: Iterable[Mapping[str, Any]], *, gone: Sequence[str] = ()) -> None:
        """Write documents by id, take others away, and let readers see it."""
        with self._writing:
            if self._writer is None:
                self._writer = self._index.writer(_HEAP_BYTES, 1)
            for id_ in gone:
                self._writer.delete_documents_by_term("id", id_)
            for document in documents:
                self._writer.delete_documents_by_term("id", document["id"])
                self._writer.add_document(tantivy.Document.from_dict(dict(document), self._schema))
            self._writer.commit()
            self._index.reload()
            self._generation += 1
            self._searchers[self._generation] = self._index.searcher()
            while len(self._searchers) > _GENERATIONS_KEPT:
                self._searchers.popitem(last=False)

    def close(self) -> None:
        with self._writing:
            if self._writer is not None:
                self._writer.wait_merging_threads()
                self._writer = None
        self._searchers.clear()
        self._folder.cleanup()

    @property
    def size(self) -> int:
        return self._newest()[1].num_docs

    def _newest(self) -> tuple[int, tantivy.Searcher]:
        generation = next(reversed(self._searchers))
        return generation, self._searchers[generation]

    def search(self, wanted: Wanted, sight: Sight) -> Found:
        """A page of ids with what was asked; on the generation that the page before came from, while it is kept."""
        generation, searcher = self._newest()
        if wanted.generation is not None and (kept := self._searchers.get(wanted.generation)) is not None:
            generation, searcher = wanted.generation, kept
        query = self._query(wanted, sight, self._words.query(wanted.text, searcher) if wanted.text else None)
        found = self._page(searcher, query, wanted)
        loosened = False
        if wanted.text and not found.count:
            query = self._query(wanted, sight, self._words.looser(wanted.text, searcher))
            found = self._page(searcher, query, wanted)
            loosened = bool(found.count)
        return Found(
            ids=tuple(searcher.doc(address).get_first("id") or "" for _, address in found.hits),
            count=found.count or 0,
            facets=self._counts(searcher, query, wanted),
            generation=generation,
            loosened=loosened,
        )

    def _page(self, searcher: tantivy.Searcher, query: Query, wanted: Wanted) -> Any:
        if wanted.text and wanted.sort is Sort.RELEVANCE:
            return searcher.search(query, wanted.limit, count=True, offset=wanted.offset)
        return searcher.search(
            query, wanted.limit, count=True, offset=wanted.offset, order_by_field="sort_name", order=Order.Asc
        )

    def suggest(self, text: str, sight: Sight, *, limit: int) -> tuple[str, ...]:
        """Ids of offerings in whose names every word begins one, the best first."""
        _, searcher = self._newest()
        query = Query.boolean_query([(Occur.Must, self._words.beginning(text)), (Occur.Must, self._seen(sight))])
        return tuple(searcher.doc(address).get_first("id") or "" for _, address in searcher.search(query, limit).hits)

    def naming(self, values: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
        """Ids of all offerings that have one of the values in the field it is given for."""
        _, searcher = self._newest()
        terms = [Query.term_query(self._schema, name, value) for name, each in values.items() for value in each]
        if not terms or not searcher.num_docs:
            return ()
        hits = searcher.search(Query.const_score_query(_any(terms), 0.0), searcher.num_docs).hits
        return tuple(searcher.doc(address).get_first("id") or "" for _, address in hits)

    def spans(self, text: str, question: str) -> list[tuple[int, int]]:
        return self._words.spans(text, question)

    def _query(self, wanted: Wanted, sight: Sight, words: Query | None) -> Query:
        musts = [self._seen(sight)]
        if wanted.filter is not None:
            musts.append(Query.const_score_query(self._filtered(wanted.filter), 0.0))
        if words is not None:
            musts.append(words)
        return Query.boolean_query([(Occur.Must, must) for must in musts])

    def _seen(self, sight: Sight) -> Query:
        """`policy.may_see` as a query."""
        if sight.everything:
            return Query.const_score_query(Query.all_query(), 0.0)
        allowed = [Query.term_query(self._schema, "public", True)]  # noqa: FBT003 - the field's value
        allowed += [Query.term_query(self._schema, "area", area) for area in sight.areas]
        allowed += [Query.term_query(self._schema, "own_provider", provider) for provider in sight.providers]
        return Query.const_score_query(_any(allowed), 0.0)

    def _filtered(self, found: Filter) -> Query:
        match found:
            case Comparison():
                return self._compared(found)
            case Not(inner):
                return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, self._filtered(inner))])
            case All(inner):
                return Query.boolean_query([(Occur.Must, self._filtered(each)) for each in inner])
            case Any_(inner):
                return _any([self._filtered(each) for each in inner])

    def _compared(self, found: Comparison) -> Query:
        kind = FILTERS[found.field]
        if kind in {Type.WORD, Type.YES_NO}:
            return Query.term_query(self._schema, found.field, found.value)
        value = int(found.value)
        lower = value if found.operator in {"=", ">", ">="} else None
        upper = value if found.operator in {"=", "<", "<="} else None
        return Query.range_query(
            self._schema,
            found.field,
            FieldType.Integer,
            lower,
            upper,
            include_lower=found.operator != ">",
            include_upper=found.operator != "<",
        )

    def _counts(self, searcher: tantivy.Searcher, query: Query, wanted: Wanted) -> dict[str, dict[str, int]]:
        """Exact, all in one pass; values that the filter names are there also when nothing is left of them."""
        if not wanted.facets:
            return {}
        found = searcher.aggregate(query, counting(wanted.facets))
        return {
            name: {
                **dict.fromkeys(_named(wanted.filter, name), 0),
                **{bucket["key"]: int(bucket["doc_count"]) for bucket in found[name]["buckets"]},
            }
            for name in wanted.facets
        }


def counting(facets: Sequence[str]) -> dict[str, Any]:
    sizes = {"size": _BUCKETS_MAX, "segment_size": _BUCKETS_MAX * 10}
    return {name: {"terms": {"field": "impact_word" if name == "impact" else name, **sizes}} for name in facets}


def _any(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _named(found: Filter | None, name: str) -> list[str]:
    match found:
        case Comparison(field=of, value=value) if of == name:
            return [IMPACT_LEVELS[int(value)] if name == "impact" else str(value)]
        case Not(inner):
            return _named(inner, name)
        case All(inner) | Any_(inner):
            return [value for each in inner for value in _named(each, name)]
        case _:
            return []
