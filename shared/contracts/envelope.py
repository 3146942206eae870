"""CloudEvents 1.0: how a fact travels, in Kafka binary mode and in structured JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

_CE = "ce_"
# Quotes inside of texts are escaped, so that the first one of these is the attribute itself, the last of all.
_DATA = b',"data":'
SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"


class MalformedEvent(ValueError):
    """The record is no CloudEvent of ours; `args[0]` says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact with its envelope; `data` is the JSON text of the fact, exactly as recorded."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    data: bytes
    aggregate_version: int
    actor: str
    correlation_id: str
    visibility: str = "public"
    causation_id: str | None = None
    traceparent: str | None = None
    focus_area: str | None = None
    agency: str | None = None

    @property
    def topic(self) -> str:
        """`qsmo.registry` for `qsmo.registry.designation.designated.v1`."""
        return _topic(self.type)

    def headers(self) -> dict[str, str]:
        """Attributes as Kafka headers (CloudEvents Kafka binding, binary mode)."""
        return {
            "content-type": CONTENT_TYPE,
            **{_CE + name: text for name, text in self.attributes().items()},
        }

    def attributes(self) -> dict[str, str]:
        """Context attributes and extensions by their CloudEvents names; absent ones left out."""
        given = {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "datacontenttype": CONTENT_TYPE,
            "dataschema": f"/schemas/{self.type}.json",
            "aggregateversion": str(self.aggregate_version),
            "actor": self.actor,
            "correlationid": self.correlation_id,
            "visibility": self.visibility,
            "causationid": self.causation_id,
            "traceparent": self.traceparent,
            "focusarea": self.focus_area,
            "agency": self.agency,
        }
        return {name: text for name, text in given.items() if text is not None}

    def structured(self, *, seq: int | None = None) -> bytes:
        """The structured-mode JSON text; with `seq` as extension when the feed has numbered it."""
        head: dict[str, Any] = dict(self.attributes())
        head["aggregateversion"] = self.aggregate_version
        if seq is not None:
            head["seq"] = seq
        head["data"] = orjson.Fragment(self.data)
        return orjson.dumps(head)

    @classmethod
    def from_structured(cls, text: bytes) -> Event:
        """What `structured` made; `data` is taken out as it stands there. Raises MalformedEvent."""
        head, separator, rest = text.partition(_DATA)
        if not separator:
            raise MalformedEvent("there is no data")
        attributes = orjson.loads(head + b"}")
        return cls.from_headers({_CE + name: str(value) for name, value in attributes.items()}, rest[:-1])

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], data: bytes) -> Event:
        """Raises MalformedEvent when a required attribute is absent or no number where one must be."""
        try:
            return cls(
                id=headers["ce_id"],
                source=headers["ce_source"],
                type=headers["ce_type"],
                subject=headers["ce_subject"],
                time=headers["ce_time"],
                data=data,
                aggregate_version=int(headers["ce_aggregateversion"]),
                actor=headers["ce_actor"],
                correlation_id=headers["ce_correlationid"],
                visibility=headers.get("ce_visibility", "public"),
                causation_id=headers.get("ce_causationid"),
                traceparent=headers.get("ce_traceparent"),
                focus_area=headers.get("ce_focusarea"),
                agency=headers.get("ce_agency"),
            )
        except KeyError as err:
            raise MalformedEvent(f"attribute {err.args[0].removeprefix(_CE)!r} is missing") from err
        except ValueError as err:
            raise MalformedEvent(f"aggregateversion is no integer: {err}") from err


@lru_cache(maxsize=1024)
def _topic(type: str) -> str:
    return ".".join(type.split(".", 2)[:2])


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, `Z` at the end.

    Raises ValueError for a naive value.
    """
    if at.tzinfo is None:
        raise ValueError(f"naive datetime {at!r}")
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
