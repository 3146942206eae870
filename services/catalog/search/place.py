"""Where a page of a search goes on: all that a cursor says, on any replica and after any change."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from shared.kernel.errors import Malformed

# By relevance a cursor names each hit already shown, so these pages have an end. By name they have none.
SHOWN_MAX = 1_000
CURSOR_MAX_CHARS = 7_000
_TAG_BYTES = 5
_HEAD = struct.Struct(">4s?I?")
_KEY_MAX_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a question is taken: `near` has the bit of each phrase that is nowhere as it is; `loose`: some phrases are enough."""

    near: int = 0
    loose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """After the hit with the sort name `key`, or, by relevance, with the hits `shown` left out (each as its `tag`)."""

    reading: Reading
    key: str | None = None
    shown: tuple[int, ...] = ()

    def encode(self, question: str) -> str:
        head = _HEAD.pack(_digest(question), self.reading.loose, self.reading.near, self.key is None)
        rest = b"".join(tag.to_bytes(_TAG_BYTES, "big") for tag in self.shown) if self.key is None else self.key.encode()
        return base64.urlsafe_b64encode(head + rest).decode().rstrip("=")


def tag(id_: str) -> int:
    """Short for an id: two of the hits that a walk can show have the same one in a walk of two million."""
    return int.from_bytes(hashlib.blake2s(id_.encode(), digest_size=_TAG_BYTES).digest(), "big")


def decode(cursor: str, question: str) -> Place:
    """Raises Malformed for what `encode` did not make of this question, and where there is no further page."""
    try:
        given = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, loose, near, by_relevance = _HEAD.unpack_from(given)
        rest, reading = given[_HEAD.size :], Reading(near=near, loose=loose)
        if digest != _digest(question):
            raise ValueError("another question")
        place = Place(reading=reading, shown=_tags(rest)) if by_relevance else Place(reading=reading, key=_key(rest))
    except (ValueError, binascii.Error, struct.error) as err:
        raise Malformed.at("query:cursor", "This cursor was not given out by this search; start without one.") from err
    if len(place.shown) >= SHOWN_MAX:
        deep = f"By relevance a search shows its best {SHOWN_MAX:,}; sort=name goes through all, a filter narrows it."
        raise Malformed.at("query:cursor", deep, code="too-deep")
    return place


def _tags(given: bytes) -> tuple[int, ...]:
    if not given or len(given) % _TAG_BYTES or len(given) > SHOWN_MAX * _TAG_BYTES:
        raise ValueError("no tags")
    return tuple(int.from_bytes(given[at : at + _TAG_BYTES], "big") for at in range(0, len(given), _TAG_BYTES))


def _key(given: bytes) -> str:
    key = given.decode("ascii")
    if not (0 < len(key) <= _KEY_MAX_CHARS and key.isalnum()):
        raise ValueError("no sort name")
    return key


def _digest(question: str) -> bytes:
    return hashlib.blake2s(question.encode("utf-8", "surrogatepass"), digest_size=4).digest()
