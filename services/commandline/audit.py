"""`qsmo audit verify`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import orjson

from services.gateway.audit import ChainReport, verify_chain
from services.gateway.audit.checkpoint import Checkpoint, shown_key
from services.gateway.audit.offline import from_document, proof_from, verify_export
from services.gateway.audit.proof import fault_of
from services.gateway.audit.walk import Broken
from services.gateway.keyring import Keyring
from services.installation import DataFolder
from shared.db import Database
from shared.kernel.errors import Invalid


async def verify(folder: DataFolder, *, trusted: frozenset[str], kept: Path | None) -> int:
    """0 when the chain holds, 1 when it does not. Without `trusted` the key of the data folder is taken."""
    given = os.environ.get("QSMO_GATEWAY_DATABASE_URL")
    if not trusted and given is None:
        trusted = frozenset({shown_key(Keyring(folder.signing_key).audit.public_key())})
    db = Database(given or folder.database_url("gateway"))
    try:
        report = await verify_chain(db, trusted=trusted, kept=_kept(kept) if kept else ())
    finally:
        await db.close()
    return _said(report)


def verify_file(file: Path, *, trusted: frozenset[str]) -> int:
    """Needs nothing but the file and the key. Raises Invalid without a key."""
    if not trusted:
        raise Invalid("An export is verified with --key, the public key of GET /v1/audit/keys that you keep.")
    with file.open("rb") as lines:
        return _said(verify_export(lines, trusted=trusted))


def verify_proof(file: Path, *, trusted: frozenset[str]) -> int:
    """Of one event, as `GET /v1/audit/proofs/{seq}` gave it; nothing else is needed. Raises Invalid."""
    if not trusted:
        raise Invalid("A proof is verified with --key, the public key of GET /v1/audit/keys that you keep.")
    try:
        proof = proof_from(orjson.loads(file.read_bytes()))
    except (ValueError, Broken) as err:
        raise Invalid(f"{file} holds no proof as GET /v1/audit/proofs/{{seq}} gives one: {err}.") from err
    fault = fault_of(proof, trusted=trusted)
    stated = proof.checkpoint.statement
    if fault is None:
        sys.stdout.write(
            f"Event {proof.seq} is covered by the checkpoint of {stated.first} to {stated.seq}, which the key signed.\n"
        )
    else:
        sys.stdout.write(f"The proof of event {proof.seq} does not hold: {fault}\n")
    return 0 if fault is None else 1


def _kept(file: Path) -> list[Checkpoint]:
    try:
        return [from_document(item) for item in orjson.loads(file.read_bytes())["items"]]
    except (ValueError, KeyError, TypeError, Broken) as err:
        raise Invalid(f"{file} holds no checkpoints as GET /v1/audit/checkpoints gives them: {err}.") from err


def _said(report: ChainReport) -> int:
    if report.ok:
        sys.stdout.write(f"The feed holds {report.events} facts and its hash chain is whole.\n")
        sys.stdout.write(f"Signed checkpoints cover the first {report.covered}.\n")
        return 0
    sys.stdout.write(f"The feed is broken at seq {report.first_bad_seq}: {report.reason}\n")
    return 1
