"""What of an offering is searched, filtered and counted: the schema, and a row as a document of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import tantivy

from services.catalog.domain.content import Content, Kind, Shelf
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.provider import Provider
from services.catalog.search.place import tag
from shared.filtering import Type, days

ANALYZER = "qsmo"
_WORD_MAX_CHARS = 60
_SORTED_CHARS = 100
_AREA_BYTES = 3
# All that is searched is one field, so a word is looked up once; the name is there by itself as well, for what begins it.
TEXT, NAME = "text", "name"
SINCE, UNTIL = "since", "until"
# Documents lie in the order of this number: those that are asked for together are beside each other.
ALIKE = "alike"
# Part of the text → how often it is repeated in it, hence how much a word there counts.
# Source: Robertson et al., Simple BM25 extension to multiple weighted fields (2004).
_WEIGHTS: Mapping[str, int] = {
    "name": 5,
    "code": 5,
    "provider": 3,
    "summary": 1,
    "functions": 1,
    "coverage": 1,
    "body": 1,
}
# Lowest first; a filter may compare them.
IMPACT_LEVELS = ("li_saas", "low", "moderate", "high")
# Its level and all below it, so that "at least" is one word.
FROM_LEVEL = "impact_from"

# What filters and facets name. A word may be one of several of its offering; numbers and days can be compared.
FILTERS: Mapping[str, Type] = {
    "area": Type.WORD,
    "service": Type.WORD,
    "kind": Type.WORD,
    "status": Type.WORD,
    "shelf": Type.WORD,
    "provider": Type.WORD,
    "provider_kind": Type.WORD,
    "small_business": Type.YES_NO,
    "authorization": Type.WORD,
    "impact": Type.LEVEL,
    "service_model": Type.WORD,
    "hosting": Type.WORD,
    "vehicle": Type.WORD,
    "vehicle_kind": Type.WORD,
    "standard": Type.WORD,
    "covers": Type.WORD,
    "source": Type.WORD,
    "free": Type.YES_NO,
    "in_production": Type.YES_NO,
    "onboarding_days": Type.NUMBER,
    "authorized_until": Type.DAY,
    "revision": Type.NUMBER,
}
FACETS = (
    "area",
    "kind",
    "status",
    "shelf",
    "provider",
    "provider_kind",
    "authorization",
    "impact",
    "service_model",
    "hosting",
    "vehicle_kind",
    "standard",
    "source",
)
_WORDS = tuple(name for name, kind in FILTERS.items() if kind is Type.WORD)
_NUMBERS = tuple(name for name, kind in FILTERS.items() if kind in {Type.NUMBER, Type.DAY})
_FLAGS = tuple(name for name, kind in FILTERS.items() if kind is Type.YES_NO)


def analyzer() -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(_WORD_MAX_CHARS),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


def schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("sort_name", fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("tag", fast=True)
    builder.add_unsigned_field(ALIKE, fast=True)
    builder.add_boolean_field("public", indexed=True)
    builder.add_text_field("own_provider", tokenizer_name="raw", index_option="basic")
    builder.add_text_field(TEXT, tokenizer_name=ANALYZER)
    builder.add_text_field(NAME, tokenizer_name=ANALYZER, index_option="basic")
    for name in (*_WORDS, "impact_word"):
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(FROM_LEVEL, tokenizer_name="raw", index_option="basic")
    for name in _NUMBERS:
        builder.add_integer_field(name, indexed=True, fast=True)
    for name in _FLAGS:
        builder.add_boolean_field(name, indexed=True)
    # Of past days only: each offering has one document per standing.
    for name in (SINCE, UNTIL):
        builder.add_integer_field(name, indexed=True, fast=True)
    return builder.build()


def sort_name(name: str, id_: str) -> str:
    """Of one offering only, in letters and digits that sort as the names do."""
    return base64.b32hexencode(f"{name.casefold()[:_SORTED_CHARS]}\0{id_}".encode()).decode().rstrip("=")


def document(
    offering: Offering, provider: Provider | None, *, vehicle_kinds: Mapping[str, str], titles: Mapping[str, str]
) -> dict[str, Any]:
    """`vehicle_kinds`: number → kind, of registered ones; `titles`: FIBF id → title. Federal-only fields are left out."""
    content, texts = offering.content, _texts(offering, provider, titles)
    return {
        "id": offering.id,
        "tag": tag(offering.id),
        "sort_name": sort_name(content.name, offering.id),
        ALIKE: _alike(offering),
        "public": offering.is_public,
        **({"own_provider": content.provider_id} if content.provider_id else {}),
        NAME: content.name,
        TEXT: [text for part, text in texts.items() for _ in range(_WEIGHTS[part])],
        **_words(offering, provider, vehicle_kinds),
        **_values(offering, provider),
    }


def _alike(offering: Offering) -> int:
    """Public ones by their (first) area, then by level, status, kind and shelf; those that are hidden after all of them."""
    content = offering.content
    area = hashlib.blake2s("".join(content.focus_areas[:1]).encode(), digest_size=_AREA_BYTES).digest()
    level = content.authorization.impact_level if content.authorization else None
    found = int.from_bytes(area, "big") + (not offering.is_public) * (1 << 8 * _AREA_BYTES)
    for value, values in (
        (level, IMPACT_LEVELS),
        (offering.status, [*Status]),
        (content.kind, [*Kind]),
        (content.shelf, [*Shelf]),
    ):
        found = found * (len(values) + 1) + _rank(value, values)
    return found


def _rank(value: str | None, values: Sequence[str]) -> int:
    """From 1; 0 for what is none of them."""
    return values.index(value) + 1 if value in values else 0


def _texts(offering: Offering, provider: Provider | None, titles: Mapping[str, str]) -> dict[str, str]:
    content, guide = offering.content, offering.content.guide
    covered = [covered.fibf_id for covered in content.fibf_coverage]
    body = [content.description, content.lineage or "", *content.lessons, content.pricing or ""]
    if guide:
        body += [guide.body, *guide.steps, *guide.artifacts, *guide.standards]
    return {
        "name": content.name,
        "code": offering.code,
        "provider": provider.name if provider else "",
        "summary": content.summary,
        "functions": "\n".join(content.business_functions),
        "coverage": "\n".join(f"{id_} {titles.get(id_, '')}" for id_ in covered),
        "body": "\n".join(body),
    }


def _words(offering: Offering, provider: Provider | None, vehicle_kinds: Mapping[str, str]) -> dict[str, list[str]]:
    content = offering.content
    authorization = content.authorization
    found: dict[str, list[str | None]] = {
        "area": [*content.focus_areas],
        "service": [*content.services],
        "kind": [content.kind.value],
        "status": [offering.status.value],
        "shelf": [content.shelf.value if content.shelf else None],
        "provider": [content.provider_id],
        "provider_kind": [provider.kind.value if provider else None],
        "authorization": [authorization.status if authorization else None],
        "impact_word": [authorization.impact_level if authorization else None],
        FROM_LEVEL: [*IMPACT_LEVELS[: _rank(authorization.impact_level if authorization else None, IMPACT_LEVELS)]],
        "service_model": [*(authorization.service_models if authorization else ())],
        "hosting": [content.hosting.value if content.hosting else None],
        "vehicle": [*content.vehicles],
        "vehicle_kind": [vehicle_kinds.get(number) for number in content.vehicles],
        "standard": [covered.fibf_id.split(".")[0] for covered in content.fibf_coverage],
        "covers": _covered(content),
        "source": [offering.source],
    }
    return {name: list(dict.fromkeys(value for value in values if value)) for name, values in found.items()}


def _covered(content: Content) -> list[str | None]:
    """What is covered, and everything above it: FFM.010.010.011 is found by FFM.010 too."""
    parts = [covered.fibf_id.split(".") for covered in content.fibf_coverage if covered.coverage.value != "no"]
    return [".".join(part[:length]) for part in parts for length in range(1, len(part) + 1)]


def _values(offering: Offering, provider: Provider | None) -> dict[str, Any]:
    content = offering.content
    authorization = content.authorization
    ends_on = authorization.expires_on if authorization else None
    values: dict[str, Any] = {
        "free": content.is_free,
        "in_production": content.in_production,
        "revision": offering.revision,
        "onboarding_days": content.onboarding_days,
        "authorized_until": days(ends_on) if ends_on else None,
        "small_business": provider.small_business if provider else None,
    }
    return {name: value for name, value in values.items() if value is not None}
