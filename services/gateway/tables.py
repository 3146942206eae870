"""The gateway's tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from shared.db import Document, UtcDateTime
from shared.inbox import inbox_tables
from shared.web.idempotency import idempotency_table

metadata = MetaData()
inbox = inbox_tables(metadata)
idempotency = idempotency_table(metadata)

# `event` is the structured CloudEvent without `seq`, exactly as hashed; the other columns repeat parts of it to search by.
feed = Table(
    "feed",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("source_topic", Text, nullable=False),
    Column("time", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("focus_area", Text),
    Column("agency", Text),
    Column("visibility", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
Index("feed_subject", feed.c.subject, feed.c.seq)
Index("feed_actor", feed.c.actor, feed.c.seq)

# One row: the last link. Locking it makes its holder the one writer.
feed_head = Table(
    "feed_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

# What visibility and sentences need of the registry, derived from its facts. `seq`: of the fact last taken in.
known_organizations = Table(
    "known_organizations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent_id", String(64)),
    Column("codes", Document, nullable=False),
    Column("seq", BigInteger, nullable=False, index=True),
)

known_focus_areas = Table(
    "known_focus_areas",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("title", Text, nullable=False),
    Column("services", Document, nullable=False),
)

# Imports that the gateway leads across services. `children`: [{"service", "operation_id"}].
operations = Table(
    "operations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("status", String(16), nullable=False),
    Column("actor", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("validate_only", Integer, nullable=False),
    Column("sections", Document, nullable=False),
    Column("children", Document, nullable=False),
    Column("rows_done", Integer, nullable=False),
    Column("rows_total", Integer),
    Column("detail", Text),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
)

# Who is told of what. `filters`: as the event API's. `secrets`: [{"sealed", "made_at", "good_until"}], newest first.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("roles", Document, nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("filters", Document, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text),
    Column("secrets", Document, nullable=False),
    Column("sealed_key", Text, nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
Index("webhooks_owner", webhooks.c.owner, webhooks.c.id)

# How far each has been told: everything up to `seq`. Apart from the subscription, as it moves without changing it.
webhook_cursors = Table(
    "webhook_cursors",
    metadata,
    Column("webhook_id", String(36), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("next_attempt_at", UtcDateTime),
)

# The delivery log: one row an attempt.
webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("webhook_id", String(36), nullable=False),
    Column("message_id", String(64), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("seq", BigInteger),
    Column("attempt", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Column("duration_ms", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
)
Index("webhook_attempts_webhook", webhook_attempts.c.webhook_id, webhook_attempts.c.id)

webhook_replays = Table(
    "webhook_replays",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("webhook_id", String(36), nullable=False, index=True),
    Column("from_seq", BigInteger, nullable=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("done_seq", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    Column("status", String(16), nullable=False, index=True),
    Column("detail", Text),
    Column("actor", Text, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
)

# Signed statements about the chain. `statement` is what is signed; the other columns repeat parts of it to search by.
audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("statement", Text, nullable=False),
    Column("public_key", String(44), nullable=False),
    Column("signature", String(88), nullable=False),
)

# Keys of systems. What a caller sends is kept only as a digest.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Document, nullable=False),
    Column("scopes", Document, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
Index("api_keys_owner", api_keys.c.owner, api_keys.c.id)

api_key_secrets = Table(
    "api_key_secrets",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("api_key_id", String(36), nullable=False, index=True),
    Column("made_at", UtcDateTime, nullable=False),
    Column("good_until", UtcDateTime),
)
