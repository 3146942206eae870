"""Vendor-written text made plain: odd spaces, control characters, dates that are words."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

# What neither str.split takes for a space nor a reader can see; databases refuse some of it.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=T|$)")
_MONTH_DAY = re.compile(r"(\d{1,2})/(\d{1,2})")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)+(/\S*)?", re.ASCII)
_RUNS = (("  ", " "), (" \n", "\n"), ("\n ", "\n"), ("\n\n\n", "\n\n"))
_SUMMARY_MAX_CHARS = 300
_URL_MAX_CHARS = 2_000
# Days and words come back in row after row.
_KEPT = 10_000


def line(text: str) -> str:
    """One line, single plain spaces."""
    return " ".join(_visible(text).split())


def paragraphs(text: str) -> str:
    """Lines kept, each with single plain spaces; at most one empty line in a row."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    if not unified.replace("\n", "").isprintable():
        unified = "\n".join(" ".join(each.split()) for each in _INVISIBLE.sub("", text).splitlines())
    # Replacing takes a fraction of what splitting thousands of long texts into words does.
    for many, one in _RUNS:
        while many in unified:
            unified = unified.replace(many, one)
    return unified.strip()


def _visible(text: str) -> str:
    return text if text.isprintable() else _INVISIBLE.sub("", text)


def summary_of(description: str) -> str:
    """Its beginning, up to the end of a sentence or at least of a word."""
    first = description.split("\n", 1)[0]
    if len(first) <= _SUMMARY_MAX_CHARS:
        return first
    head = first[: _SUMMARY_MAX_CHARS - 1]
    end = head.rfind(". ")
    return head[: end + 1] if end > 0 else head[: head.rfind(" ")] + "…"


@lru_cache(maxsize=_KEPT)
def day(text: str) -> date | None:
    """The plain date of an ISO text (its time of day is a time-zone artefact); None for "Not Active", "N/A", "#REF!", ""."""
    found = _DAY.match(text)
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


@lru_cache(maxsize=_KEPT)
def month_day(text: str) -> str | None:
    """`02-28` from "02/28" or from a full date; None for anything else."""
    if (whole := day(text)) is not None:
        return whole.isoformat()[5:]
    found = _MONTH_DAY.fullmatch(text.strip())
    if found is None:
        return None
    month, of_month = int(found[1]), int(found[2])
    try:
        return date(2024, month, of_month).isoformat()[5:]
    except ValueError:
        return None


@lru_cache(maxsize=_KEPT)
def word(text: str) -> str:
    """`government_community_cloud`, `li_saas`."""
    return _NOT_WORD.sub("_", text.casefold()).strip("_")


def url(text: str) -> str | None:
    """With a scheme; None for what is no address."""
    plain = line(text)
    if plain.startswith(("http://", "https://")) and " " not in plain and len(plain) <= _URL_MAX_CHARS:
        return plain
    return f"https://{plain}" if _DOMAIN.fullmatch(plain) and len(plain) < _URL_MAX_CHARS else None
