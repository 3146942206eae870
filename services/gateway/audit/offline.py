"""Verifies an export of the audit trail with nothing but the file and a public key."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import orjson

from services.gateway.audit.checkpoint import Checkpoint, Statement
from services.gateway.audit.proof import Proof
from services.gateway.audit.walk import Broken, ChainReport, ChainWalk


def verify_export(lines: Iterable[bytes], *, trusted: frozenset[str]) -> ChainReport:
    """Of a file from the beginning of the feed, `GET /v1/exports?resource=audit`, in bounded memory."""
    reading = _Reading(trusted)
    try:
        pending: bytes | None = None
        for line in lines:
            if pending is not None:
                reading.take(pending)
            pending = line
        walk = reading.end(pending or b"")
    except Broken as broken:
        return ChainReport(
            ok=False, events=broken.seq - 1, first_bad_seq=broken.seq, reason=broken.reason, covered=reading.covered
        )
    return ChainReport(ok=True, events=walk.seq, covered=walk.covered)


class _Reading:
    """Header, checkpoints, events, trailer."""

    def __init__(self, trusted: frozenset[str]) -> None:
        self._trusted = trusted
        self._digest = sha256()
        self._header: dict[str, Any] | None = None
        self._checkpoints: list[Checkpoint] = []
        self._walk: ChainWalk | None = None

    @property
    def covered(self) -> int:
        return self._walk.covered if self._walk else 0

    @property
    def _seq(self) -> int:
        """What comes next."""
        return self._walk.seq + 1 if self._walk else 1

    def take(self, line: bytes) -> None:
        self._digest.update(line)
        document = self._parsed(line)
        if self._header is None:
            self._header = _header(document)
        elif "checkpoint" in document and self._walk is None:
            self._checkpoints.append(from_document(document["checkpoint"]))
        else:
            self._pass(document)

    def _pass(self, entry: dict[str, Any]) -> None:
        walk = self._walking()
        try:
            event = entry["event"].encode()
            walk.pass_link(entry["seq"], event, prev_hash=entry["prev_hash"], hash=entry["hash"])
        except (KeyError, AttributeError, TypeError, OverflowError) as err:
            raise Broken(self._seq, "its line is no entry of an audit export") from err

    def _walking(self) -> ChainWalk:
        if self._walk is None:
            self._walk = ChainWalk(self._checkpoints, trusted=self._trusted)
        return self._walk

    def end(self, line: bytes) -> ChainWalk:
        trailer, walk = self._parsed(line), self._walking()
        if self._header is None or "sha256" not in trailer:
            raise Broken(self._seq, "the file is not whole: its header or its trailer is missing")
        walk.end()
        if walk.seq != trailer.get("seq"):
            raise Broken(self._seq, f"the file ends at {walk.seq}, but says that it goes to {trailer.get('seq')}")
        if trailer["sha256"] != self._digest.hexdigest():
            raise Broken(self._seq, "the file is not the one that was written: its SHA-256 differs")
        return walk

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            return dict(orjson.loads(line))
        except (ValueError, TypeError) as err:
            raise Broken(self._seq, "a line of the file is no JSON object") from err


def _header(document: dict[str, Any]) -> dict[str, Any]:
    if document.get("resource") != "audit":
        raise Broken(1, "this is no export of the audit trail")
    if document.get("after") != 0:
        raise Broken(1, "only an export from the beginning (after=0) can be verified by itself")
    return document


def from_document(document: dict[str, Any]) -> Checkpoint:
    """As `GET /v1/audit/checkpoints` shows one. Raises Broken."""
    try:
        return Checkpoint(
            statement=Statement.parse(document["statement"]),
            public_key=document["public_key"],
            signature=document["signature"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise Broken(1, f"a checkpoint cannot be read: {err}") from err


def proof_from(document: dict[str, Any]) -> Proof:
    """As `GET /v1/audit/proofs/{seq}` shows one. Raises Broken."""
    try:
        seq, path = document["seq"], tuple(document["path"])
        texts = {name: document[name] for name in ("event", "prev_hash", "hash")}
    except (KeyError, TypeError) as err:
        raise Broken(1, f"the proof cannot be read: {err}") from err
    if type(seq) is not int or not all(isinstance(text, str) for text in (*texts.values(), *path)):
        raise Broken(seq if type(seq) is int else 1, "the proof cannot be read: a value of it has another type")
    return Proof(seq=seq, path=path, checkpoint=from_document(document.get("checkpoint", {})), **texts)
