"""Words of a question → a query: stemmed, with acronyms and synonyms, and near misses where a word is nowhere."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources

import tantivy
from tantivy import Occur, Query

from services.catalog.search.clauses import Clause, any_of
from services.catalog.search.fields import NAME, TEXT
from services.catalog.search.place import Reading

WORDS_MAX = 32
# A word this long is also looked for with one letter wrong, with two from the second length on.
_ONE_WRONG_CHARS, _TWO_WRONG_CHARS = 4, 8
_NEAR_MISS = 0.3
_SYNONYM = 0.8
_PREFIX_CHARS = 2

Group = tuple[tuple[str, ...], ...]
Phrase = tuple[str, ...]
# A text → offsets in characters.
Marker = Callable[[str], list[tuple[int, int]]]


@cache
def _synonym_lists() -> tuple[tuple[str, ...], ...]:
    found = tomllib.loads(resources.files(__package__).joinpath("synonyms.toml").read_text(encoding="utf-8"))
    return tuple(tuple(group) for group in found["groups"])


class Words:
    """Reads questions for one index."""

    def __init__(self, schema: tantivy.Schema, analyzer: tantivy.TextAnalyzer) -> None:
        self._schema = schema
        self._analyzer = analyzer
        self._synonyms: dict[Phrase, tuple[Phrase, ...]] = {}
        for group in _synonym_lists():
            phrases = tuple(tuple(analyzer.analyze(text)) for text in group)
            for phrase in phrases:
                others = tuple(other for other in phrases if other != phrase)
                self._synonyms[phrase] = tuple(dict.fromkeys((*self._synonyms.get(phrase, ()), *others)))
        self._others = {phrase: _others(phrase, others) for phrase, others in self._synonyms.items()}
        self._least = {phrase: _least((phrase, *others)) for phrase, others in self._others.items()}
        self._longest = max(map(len, self._synonyms), default=1)

    def reading(self, text: str, searcher: tantivy.Searcher) -> Reading:
        singles = [phrase[0] if len(phrase) == 1 else None for phrase in self._phrases(text)]
        nowhere = [word is not None and not searcher.doc_freq(TEXT, word) for word in singles]
        return Reading(near=sum(1 << at for at, near in enumerate(nowhere) if near))

    def clauses(self, text: str, reading: Reading, *, scored: bool) -> list[Clause]:
        """Every word (or some of them), or one that stands for it. Nothing is found by no words.

        The same offerings match, `scored` or not; with nothing to score less has to be read.
        """
        nears = [bool(reading.near >> at & 1) for at in range(WORDS_MAX)]
        part = self._scored if scored else self._matching
        parts = [part(phrase, near=near) for phrase, near in zip(self._phrases(text), nears, strict=False)]
        if reading.loose or not parts:
            return [(Occur.Must, any_of(parts) if parts else Query.empty_query())]
        return [(Occur.Must, part) for part in parts]

    def beginning(self, text: str) -> Query:
        """Names in which each word begins one."""
        parts = [
            Query.fuzzy_term_query(self._schema, NAME, word, distance=0, prefix=True)
            for word in self._analyzer.analyze(text)[:WORDS_MAX]
        ]
        return Query.boolean_query([(Occur.Must, part) for part in parts]) if parts else Query.empty_query()

    def marker(self, question: str) -> Marker:
        """Where words of the question, or what stands for them, are in a text."""
        phrases = list(self._phrases(question))
        others = (other for phrase in phrases for other in self._synonyms.get(phrase, ()))
        by_first: dict[str, list[Phrase]] = {}
        for phrase in sorted({*phrases, *others}, key=len, reverse=True):
            by_first.setdefault(phrase[0], []).append(phrase)

        def spans(text: str) -> list[tuple[int, int]]:
            tokens = self._analyzer.pre_tokenize(text).tokens
            words = [token.text for token in tokens]
            found: list[tuple[int, int]] = []
            after = 0
            for at, word in enumerate(words):
                if word in by_first and at >= after:
                    length = next((len(p) for p in by_first[word] if tuple(words[at : at + len(p)]) == p), 0)
                    found += [(token.char_offset_from, token.char_offset_to) for token in tokens[at : at + length]]
                    after = at + length
            return found

        return spans

    def _phrases(self, text: str) -> Iterator[Phrase]:
        """Single words, but for those that are a synonym together; the longest first."""
        words = self._analyzer.analyze(text)[:WORDS_MAX]
        at = 0
        while at < len(words):
            lengths = range(min(self._longest, len(words) - at), 1, -1)
            length = next((n for n in lengths if tuple(words[at : at + n]) in self._synonyms), 1)
            yield tuple(words[at : at + length])
            at += length

    def _scored(self, phrase: Phrase, *, near: bool) -> Query:
        queries = [self._as_it_is(phrase)]
        queries += [Query.boost_query(self._as_it_is(other), _SYNONYM) for other in self._others.get(phrase, ())]
        queries += [Query.boost_query(query, _NEAR_MISS) for query in self._near_misses(phrase, near=near)]
        return queries[0] if len(queries) == 1 else Query.disjunction_max_query(queries, 0.1)

    def _matching(self, phrase: Phrase, *, near: bool) -> Query:
        least = self._least.get(phrase, (phrase,))
        return any_of([*map(self._as_it_is, least), *self._near_misses(phrase, near=near)])

    def _near_misses(self, phrase: Phrase, *, near: bool) -> list[Query]:
        if not near or len(phrase) > 1:
            return []
        return [query for name in (TEXT, NAME) for query in self._near(name, phrase[0])]

    def _as_it_is(self, phrase: Phrase) -> Query:
        if len(phrase) == 1:
            return Query.term_query(self._schema, TEXT, phrase[0], "freq")
        return Query.phrase_query(self._schema, TEXT, list(phrase))

    def _near(self, field: str, word: str) -> Iterator[Query]:
        if wrong := (len(word) >= _ONE_WRONG_CHARS) + (len(word) >= _TWO_WRONG_CHARS):
            yield Query.fuzzy_term_query(self._schema, field, word, distance=wrong)
        if len(word) > _PREFIX_CHARS:
            yield Query.fuzzy_term_query(self._schema, field, word, distance=0, prefix=True)


def _others(phrase: Phrase, synonyms: Sequence[Phrase]) -> tuple[Phrase, ...]:
    """What stands for it, but for what can only be where it is itself."""
    return tuple(other for other in synonyms if not _is_within(phrase, other))


def _least(phrases: Sequence[Phrase]) -> tuple[Phrase, ...]:
    """Where none of these is, none of all is."""
    return tuple(each for each in phrases if not any(_is_within(other, each) for other in phrases))


def _is_within(phrase: Phrase, longer: Phrase) -> bool:
    """Wherever the longer one is, the phrase is too."""
    starts = range(len(longer) - len(phrase) + 1)
    return phrase != longer and any(longer[at : at + len(phrase)] == phrase for at in starts)


def synonyms() -> Mapping[str, tuple[str, ...]]:
    """As they are shown: the first of each group → the others."""
    return {group[0]: group[1:] for group in _synonym_lists()}
