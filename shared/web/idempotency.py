"""Idempotency-Key: the answer of a write is kept in the write's own transaction and replayed for 24 hours."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, delete, insert, select, text

from shared.db import Document, Transaction, UtcDateTime
from shared.kernel.errors import Conflict, Invalid

KEPT = timedelta(hours=24)
KEY_PATTERN = "^[A-Za-z0-9._:-]{1,128}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response as it can be kept."""

    status: int
    headers: dict[str, str]
    body: bytes


def idempotency_table(metadata: MetaData) -> Table:
    return Table(
        "idempotency_keys",
        metadata,
        Column("key", String(200), primary_key=True),
        Column("request_digest", String(64), nullable=False),
        Column("status", Integer, nullable=False),
        Column("headers", Document, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("recorded_at", UtcDateTime, nullable=False, index=True),
    )


def check_key(key: str) -> None:
    """Raises Invalid when it is not 1 to 128 letters, digits and `. _ : -`."""
    if not re.fullmatch(KEY_PATTERN, key):
        raise Invalid.at("header:Idempotency-Key", "An Idempotency-Key is 1 to 128 letters, digits and . _ : -")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """One request under a key; keys of different callers never meet."""

    key: str
    digest: str

    @classmethod
    def of(cls, *, key: str, subject: str, method: str, target: str, body: bytes) -> IdempotentRequest:
        """Raises Invalid when the key is not 1 to 128 letters, digits and `. _ : -`."""
        check_key(key)
        scoped = hashlib.sha256(subject.encode()).hexdigest()[:24] + ":" + key
        digest = hashlib.sha256(b"\0".join((method.encode(), target.encode(), body))).hexdigest()
        return cls(key=scoped, digest=digest)


async def earlier_answer(tx: Transaction, table: Table, request: IdempotentRequest) -> Answer | None:
    """What was answered to this key before, or None: then this transaction owns the key.

    Raises Conflict while the same key still runs elsewhere, Invalid when it came with another request.
    """
    if tx.is_postgresql:
        lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 1))")
        if not (await tx.execute(lock, {"key": request.key})).scalar():
            raise Conflict("A request with this Idempotency-Key is still running; ask again shortly.", code="still-running")
    row = await tx.row(select(table).where(table.c.key == request.key, table.c.recorded_at > tx.at - KEPT))
    if row is None:
        return None
    if row["request_digest"] != request.digest:
        raise Invalid(
            "This Idempotency-Key was used for another request; take a new key for a new request.",
            code="idempotency-key-reused",
        )
    return Answer(status=row["status"], headers=row["headers"], body=row["body"])


async def keep_answer(tx: Transaction, table: Table, request: IdempotentRequest, answer: Answer) -> None:
    await tx.execute(delete(table).where(table.c.key == request.key))
    await tx.execute(
        insert(table),
        {
            "key": request.key,
            "request_digest": request.digest,
            "status": answer.status,
            "headers": answer.headers,
            "body": answer.body,
            "recorded_at": tx.at,
        },
    )


async def forget_old_answers(tx: Transaction, table: Table) -> int:
    """Housekeeping; returns how many were dropped."""
    return (await tx.execute(delete(table).where(table.c.recorded_at <= tx.at - KEPT))).rowcount
