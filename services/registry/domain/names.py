"""Names of organizations as outsiders write them: one normal form, and scored guesses for what it does not settle.

An automatic match needs equal normal forms and one organization that has it; guesses only order a coordinator's choice.
The normal form drops only what never tells two organizations apart: case, accents, odd spaces, punctuation, articles,
a leading "United States", an abbreviation in parentheses. A prefix such as "DHS - " does tell organizations apart
("DHS - Office of Inspector General"), so only guesses look behind it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

_ABBREVIATION_IN_PARENTHESES = re.compile(r"\(\s*[A-Z][A-Z0-9&./-]{1,11}\s*\)")
_TURNED = re.compile(
    r"^(?P<rest>[^,]+(?:,[^,]+)*?),\s*"
    r"(?P<head>(?:u\.?\s?s\.?\s+|united states\s+)?(?:dept\.?|department|office|bureau|board|commission)\s+of)"
    r"(?:\s+the)?$"
)
_ORGANIZATION_PREFIX = re.compile(r"^\s*[^-–—:/|>]{2,60}?(?:\s[-–—|>]+\s|\s*[:/>]\s*)(?P<rest>.*\S)")
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = re.compile(r"['’‘ʼ`]")
_SPELLED_OUT = {
    "dept": "department",
    "govt": "government",
    "natl": "national",
    "intl": "international",
    "corp": "corporation",
    "us": "united states",
    "usa": "united states",
}
_COUNTRY = ("united", "states")
_DROPPED = frozenset({"the"})

_FORGIVEN = frozenset({"of", "for", "and", "in", "on", "to"})
_LIKE_ENOUGH = 0.82
_STARTS_LIKE_CHARS = 4
_FORGIVEN_WEIGHT = 0.1
_ORDER_SHARE = 0.15
_INITIALS_SCORE = 0.6
_ABBREVIATION_SCORE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An organization that a name may mean; `score` is 1.0 for an equal normal form, else below 1."""

    organization_id: str
    name: str
    score: float


def normalize(name: str) -> str:
    """The form in which two spellings of one name are equal; idempotent, never empty for a name with a letter or digit."""
    text = unicodedata.normalize("NFKC", name)
    text = _ABBREVIATION_IN_PARENTHESES.sub(" ", text)
    text = " ".join(_without_accents(text).casefold().split())
    if turned := _TURNED.match(text):
        text = f"{turned['head']} {turned['rest']}"
    words = _words(text)
    return " ".join(_without_country(words)) or " ".join(words) or " ".join(_WORD.findall(text))


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if unicodedata.category(char) not in {"Mn", "Cf"})


def _words(text: str) -> list[str]:
    found = _WORD.findall(_APOSTROPHES.sub("", text.replace("&", " and ")))
    joined = " ".join(word for word in found if word not in _DROPPED)
    joined = re.sub(r"\bu s(?: a)?\b", "us", joined)
    joined = re.sub(r"\bd c\b", "dc", joined)
    return " ".join(_SPELLED_OUT.get(word, word) for word in joined.split()).split()


def _without_country(words: list[str]) -> list[str]:
    while tuple(words[:2]) == _COUNTRY:
        words = words[2:]
    return words


@dataclass(frozen=True, slots=True)
class _Entry:
    organization_id: str
    name: str
    words: tuple[str, ...]
    weight: float


class NameIndex:
    """Names and aliases of organizations, made once and asked often: about 1,600 names are ranked within a few ms."""

    __slots__ = ("_by_name", "_by_short", "_entries", "_having", "_rarity", "_starting")

    def __init__(self, known: Iterable[tuple[str, str]], *, abbreviations: Iterable[tuple[str, str]] = ()) -> None:
        """`known`: (organization id, name or alias); `abbreviations`: (id, e.g. "CISA"), for guesses only; in any order."""
        names = sorted({(form, id_, name) for id_, name in known if (form := normalize(name))})
        self._by_name: Mapping[str, tuple[str, ...]] = _grouped((form, id_) for form, id_, _ in names)
        self._rarity = _rarity([form.split() for form, _, _ in names])
        self._entries = [_Entry(id_, name, tuple(form.split()), self._weigh(form.split())) for form, id_, name in names]
        having: defaultdict[str, list[int]] = defaultdict(list)
        for position, entry in enumerate(self._entries):
            for word in set(entry.words):
                having[word].append(position)
        self._having = dict(having)
        self._starting = _grouped((word[0], word) for word in self._having)
        self._by_short = self._short_forms(abbreviations)

    def exact(self, name: str, *, among: Container[str] | None = None) -> tuple[str, ...]:
        """Ids of the organizations with this name or alias; an automatic match is one that stands alone.

        `among` narrows to these organizations, e.g. those below a known parent.
        """
        found = self._by_name.get(normalize(name), ())
        return found if among is None else tuple(id_ for id_ in found if id_ in among)

    def candidates(self, name: str, *, limit: int = 5, among: Container[str] | None = None) -> tuple[Candidate, ...]:
        """The likeliest organizations, best first; ties by name, then id."""
        best: dict[str, Candidate] = {}
        for spelling in _spellings(name):
            for found in self._scored(spelling):
                if among is not None and found.organization_id not in among:
                    continue
                known = best.setdefault(found.organization_id, found)
                best[found.organization_id] = min(known, found, key=_rank)
        return tuple(sorted(best.values(), key=_rank)[:limit])

    def _scored(self, spelling: str) -> Iterator[Candidate]:
        words = spelling.split()
        shared: defaultdict[int, float] = defaultdict(float)
        for word, count in Counter(words).items():
            for known, likeness in self._like(word).items():
                for position in self._having[known]:
                    times = min(count, self._entries[position].words.count(known))
                    shared[position] += likeness * times * self._weight(known)
        total = self._weigh(words)
        for position, weight in shared.items():
            entry = self._entries[position]
            yield Candidate(
                organization_id=entry.organization_id, name=entry.name, score=_score(spelling, entry, weight, total)
            )
        yield from self._by_short.get(spelling, ())

    def _short_forms(self, abbreviations: Iterable[tuple[str, str]]) -> dict[str, list[Candidate]]:
        """What a single word may stand for: a known abbreviation, or the initials of a name."""
        found: defaultdict[str, list[Candidate]] = defaultdict(list)
        first: dict[str, _Entry] = {}
        for entry in self._entries:
            first.setdefault(entry.organization_id, entry)
            guess = Candidate(organization_id=entry.organization_id, name=entry.name, score=_INITIALS_SCORE)
            found[_initials(entry.words)].append(guess)
        for id_, short in abbreviations:
            if id_ in first:
                guess = Candidate(organization_id=id_, name=first[id_].name, score=_ABBREVIATION_SCORE)
                found[normalize(short)].append(guess)
        return {short: guesses for short, guesses in found.items() if len(short) > 1}

    def _like(self, word: str) -> dict[str, float]:
        """Known words that this may be a variant of; a known word stands for itself and its plural."""
        if word in self._having:
            other = word[:-1] if word.endswith("s") else f"{word}s"
            return {word: 1.0, other: 0.9} if other in self._having else {word: 1.0}
        return {known: like for known in self._starting.get(word[0], ()) if (like := _likeness(word, known)) > 0}

    def _weight(self, word: str) -> float:
        return _FORGIVEN_WEIGHT if word in _FORGIVEN else self._rarity.get(word, self._rarity[""])

    def _weigh(self, words: Iterable[str]) -> float:
        return sum(self._weight(word) for word in words)


def candidates(name: str, known: Iterable[tuple[str, str]], *, limit: int = 5) -> tuple[Candidate, ...]:
    """As `NameIndex(known).candidates(name)`, for one question only."""
    return NameIndex(known).candidates(name, limit=limit)


def _spellings(name: str) -> tuple[str, ...]:
    """The name, and what stands behind a prefix such as "DHS - " or "HHS/"."""
    prefixed = _ORGANIZATION_PREFIX.match(unicodedata.normalize("NFKC", name))
    forms = (normalize(name), normalize(prefixed["rest"]) if prefixed else "")
    return tuple(dict.fromkeys(form for form in forms if form))


def _score(spelling: str, entry: _Entry, shared: float, total: float) -> float:
    if spelling == " ".join(entry.words):
        return 1.0
    overlap = min(1.0, 2 * shared / (total + entry.weight))
    order = SequenceMatcher(None, spelling.split(), entry.words, autojunk=False).ratio() if overlap > 0.3 else 0.0
    return round(min(0.99, (1 - _ORDER_SHARE) * overlap + _ORDER_SHARE * order), 4)


def _likeness(word: str, known: str) -> float:
    """How far `known` may be meant by a misspelt or shortened word: 0 or from 0.8 up."""
    if min(len(word), len(known)) >= _STARTS_LIKE_CHARS and (known.startswith(word) or word.startswith(known)):
        return 0.8
    if abs(len(word) - len(known)) > 2 or len(word) < _STARTS_LIKE_CHARS:
        return 0.0
    ratio = SequenceMatcher(None, word, known, autojunk=False).ratio()
    return ratio if ratio >= _LIKE_ENOUGH else 0.0


def _rarity(names: list[list[str]]) -> dict[str, float]:
    """Weight by word: what stands in few names tells more; under "" that of a word in none."""
    counts = Counter(word for words in names for word in set(words))
    total = len(names) + 1
    return {"": math.log(1 + total), **{word: math.log(1 + total / count) for word, count in counts.items()}}


def _initials(words: tuple[str, ...]) -> str:
    return "".join(word[0] for word in words if word not in _FORGIVEN)


def _rank(candidate: Candidate) -> tuple[float, str, str]:
    return (-candidate.score, candidate.name, candidate.organization_id)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    groups: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for key, value in pairs:
        groups[key][value] = None
    return {key: tuple(values) for key, values in groups.items()}
