"""Client of the QSMO Marketplace Platform: reads, writes that are safe to repeat, and the feed of all facts."""

from qsmo_client.answers import Resource
from qsmo_client.asynchronous import AsyncClient, AsyncEventIterator
from qsmo_client.blocking import Client, EventIterator
from qsmo_client.events import Event
from qsmo_client.exchange import GoesAway
from qsmo_client.problems import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    PreconditionRequired,
    Problem,
    QsmoError,
    StaleVersion,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unreachable,
)

__all__ = [
    "AsyncClient",
    "AsyncEventIterator",
    "Client",
    "Conflict",
    "Event",
    "EventIterator",
    "Forbidden",
    "GoesAway",
    "Invalid",
    "Malformed",
    "NotFound",
    "PreconditionRequired",
    "Problem",
    "QsmoError",
    "Resource",
    "StaleVersion",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
]
