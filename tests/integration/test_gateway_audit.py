from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, select, update

from services.gateway import tables
from services.gateway.audit import making as making_module
from services.gateway.audit import verify_chain
from services.gateway.audit.checkpoint import Checkpoint, Statement, shown_key
from services.gateway.audit.making import Checkpoints, checkpoints
from services.gateway.audit.offline import from_document, proof_from, verify_export
from services.gateway.audit.proof import fault_of
from services.gateway.chain import link
from services.gateway.feed.reading import Head, head_of
from shared.contracts.envelope import instant
from shared.db import Database, Transaction
from shared.kernel.cause import Cause
from tests.unit.gateway.builders import Harness, SetClock, a_gateway, an_event, append

feed, head = tables.feed, tables.feed_head
QSMO = Path(sys.executable).parent / "qsmo"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def harness(database_url: str, tmp_path: Path, clock: SetClock) -> AsyncIterator[Harness]:
    """Its own loop makes no checkpoints, once it has looked for the first time: tests do."""
    async with a_gateway(database_url, tmp_path, clock=clock, checkpoint_poll_s=3_600) as harness:
        await asyncio.sleep(0.2)
        yield harness


async def happened(harness: Harness, clock: SetClock, count: int) -> None:
    await append(harness.gateway, *(an_event(time=instant(clock.at)) for _ in range(count)))


async def made(harness: Harness) -> Checkpoint | None:
    assert harness.gateway.checkpoints is not None
    return await harness.gateway.checkpoints.make()


def trusted(harness: Harness) -> frozenset[str]:
    assert harness.gateway.keyring is not None
    return frozenset({shown_key(harness.gateway.keyring.audit.public_key())})


async def two_days(harness: Harness, clock: SetClock) -> None:
    """20 events under two checkpoints, and 5 under none."""
    for _ in range(2):
        await happened(harness, clock, 10)
        clock.forward(days=1)
        assert await made(harness) is not None
    await happened(harness, clock, 5)


async def rewritten(db: Database, seq: int) -> None:
    """Everything from `seq` on told anew, each link and the head recomputed: the chain itself holds."""
    async with db.transaction(Cause(actor="attacker")) as tx:
        last = "0" * 64
        for row in await tx.rows(select(feed).order_by(feed.c.seq)):
            event = row["event"].replace("Cybersecurity", "Cyberinsecurity") if row["seq"] >= seq else row["event"]
            made = link(last, row["seq"], event.encode())
            values = {"event": event, "prev_hash": last, "hash": made}
            await tx.execute(update(feed).where(feed.c.seq == row["seq"]).values(values))
            last = made
        await tx.execute(update(head).values(hash=last))


# --- checkpoints


async def test_a_checkpoint_is_made_when_the_oldest_event_not_covered_is_a_day_old(harness: Harness, clock: SetClock) -> None:
    assert await made(harness) is None
    await happened(harness, clock, 3)
    assert await made(harness) is None
    clock.forward(hours=23)
    await happened(harness, clock, 2)
    assert await made(harness) is None
    clock.forward(hours=1)

    first = await made(harness)

    assert first is not None
    assert (first.statement.first, first.statement.seq) == (1, 5)
    assert first.statement.hash == (await harness.gateway.reader.head()).hash
    assert await made(harness) is None


async def test_much_that_happens_is_covered_sooner(harness: Harness, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making_module, "EVENTS_MAX", 4)
    await happened(harness, clock, 9)

    stretches = []
    while (found := await made(harness)) is not None:
        stretches.append((found.statement.first, found.statement.seq))

    assert stretches == [(1, 4), (5, 8)]


async def test_what_is_appended_after_the_head_was_read_waits_for_the_next_one(
    harness: Harness, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = instant(clock.at - timedelta(days=2))

    async def read_before_an_append(tx: Transaction) -> Head:
        found = await head_of(tx)
        monkeypatch.setattr(making_module, "head_of", head_of)
        await append(harness.gateway, an_event(time=before))
        return found

    monkeypatch.setattr(making_module, "head_of", read_before_an_append)
    too_early, after = await made(harness), await made(harness)

    assert too_early is None
    assert after is not None
    assert (after.statement.first, after.statement.seq) == (1, 1)


async def test_the_loop_makes_them_and_of_two_replicas_one(database_url: str, tmp_path: Path) -> None:
    async with a_gateway(database_url, tmp_path, checkpoint_poll_s=0.02, checkpoint_every_s=0.01) as one:
        async with a_gateway(database_url, tmp_path, checkpoint_poll_s=0.02, checkpoint_every_s=0.01, migrate=False):
            await append(one.gateway, an_event(), an_event())
            async with one.client() as client:
                while not (items := (await client.get("/v1/audit/checkpoints")).json()["items"]):
                    await asyncio.sleep(0.01)  # a busy loop would be told that it asks too often
        assert (await one.client().get("/readyz")).json()["checks"]["loops"] == "ok"

    assert items[0]["first"] == 1
    assert from_document(items[0]).fault(trusted=trusted(one)) is None


async def test_checkpoints_and_the_key_are_for_everybody_and_verify(harness: Harness, clock: SetClock) -> None:
    await two_days(harness, clock)
    async with harness.client() as client:
        (key,) = (await client.get("/v1/audit/keys")).json()["items"]
        one, two = (await client.get("/v1/audit/checkpoints")).json()["items"]
        page = (await client.get("/v1/audit/checkpoints?after=10&limit=1")).json()

    assert (key["algorithm"], len(key["key_id"])) == ("Ed25519", 16)
    for item in (one, two):
        assert from_document(item).fault(trusted=frozenset({key["public_key"]})) is None
    assert Statement.parse(two["statement"]).previous == sha256(one["statement"].encode()).hexdigest()
    assert ([item["seq"] for item in page["items"]], page["next_after"]) == ([20], 20)


@pytest.mark.parametrize("member", ["statement", "signature", "public_key"])
async def test_a_checkpoint_that_was_changed_does_not_verify(harness: Harness, clock: SetClock, member: str) -> None:
    await two_days(harness, clock)
    async with harness.gateway.db.reading() as tx:
        good = (await checkpoints(tx))[0]
    stranger = Ed25519PrivateKey.generate()
    bad = {
        "statement": replace(good, statement=replace(good.statement, hash="f" * 64)),
        "signature": replace(good, signature=base64.b64encode(b"x" * 64).decode()),
        "public_key": Checkpoint.signed(good.statement, stranger),
    }[member]

    assert good.fault(trusted=trusted(harness)) is None
    assert bad.fault(trusted=trusted(harness))


# --- what they find


@pytest.mark.parametrize("seq", [1, 7, 10, 11, 20])
async def test_a_tail_rewritten_together_with_the_head_is_found(harness: Harness, clock: SetClock, seq: int) -> None:
    await two_days(harness, clock)
    db = harness.gateway.db
    before = await verify_chain(db, trusted=trusted(harness))
    await rewritten(db, seq)

    chain_alone = await verify_chain(db)
    report = await verify_chain(db, trusted=trusted(harness))

    assert (before.ok, before.events, before.covered) == (True, 25, 20)
    assert chain_alone.ok, "the rewriting itself must hold, or this shows nothing"
    assert not report.ok
    assert report.first_bad_seq == (1 if seq <= 10 else 11)
    assert "signed over" in str(report.reason)


async def test_what_no_checkpoint_covers_yet_is_said(harness: Harness, clock: SetClock) -> None:
    await two_days(harness, clock)
    await rewritten(harness.gateway.db, 22)

    report = await verify_chain(harness.gateway.db, trusted=trusted(harness))

    assert (report.ok, report.events, report.covered) == (True, 25, 20)


async def test_checkpoints_that_were_taken_away_or_forged_are_found(harness: Harness, clock: SetClock) -> None:
    await two_days(harness, clock)
    db, c = harness.gateway.db, tables.audit_checkpoints.c
    async with db.reading() as tx:
        kept = await checkpoints(tx)

    async with db.transaction(Cause(actor="attacker")) as tx:
        await tx.execute(delete(tables.audit_checkpoints).where(c.seq == 10))
    assert (await verify_chain(db, trusted=trusted(harness))).first_bad_seq == 1

    await rewritten(db, 15)
    stranger = Ed25519PrivateKey.generate()
    forged = Checkpoint.signed(kept[1].statement, stranger)
    async with db.transaction(Cause(actor="attacker")) as tx:
        await tx.execute(update(tables.audit_checkpoints).values(public_key=forged.public_key, signature=forged.signature))
    assert "not trusted" in str((await verify_chain(db, trusted=trusted(harness))).reason)

    async with db.transaction(Cause(actor="attacker")) as tx:
        await tx.execute(delete(tables.audit_checkpoints))
    assert (await verify_chain(db, trusted=trusted(harness))).ok, "nothing is left to tell by"
    assert (await verify_chain(db, trusted=trusted(harness), kept=kept)).first_bad_seq == 11


async def test_a_feed_cut_off_before_a_kept_checkpoint_is_found(harness: Harness, clock: SetClock) -> None:
    await two_days(harness, clock)
    db = harness.gateway.db
    async with db.reading() as tx:
        kept = await checkpoints(tx)
        row = await tx.row(select(feed.c.hash).where(feed.c.seq == 15))
    assert row is not None
    async with db.transaction(Cause(actor="attacker")) as tx:
        await tx.execute(delete(feed).where(feed.c.seq > 15))
        await tx.execute(delete(tables.audit_checkpoints).where(tables.audit_checkpoints.c.seq > 15))
        await tx.execute(update(head).values(seq=15, hash=row["hash"]))

    assert (await verify_chain(db, trusted=trusted(harness))).ok
    report = await verify_chain(db, trusted=trusted(harness), kept=kept)
    assert (report.ok, report.first_bad_seq) == (False, 16)


async def test_nothing_is_signed_over_links_that_do_not_hold(harness: Harness, clock: SetClock) -> None:
    await happened(harness, clock, 5)
    async with harness.gateway.db.transaction(Cause(actor="attacker")) as tx:
        await tx.execute(update(feed).where(feed.c.seq == 3).values(event='{"id":"x"}'))
    clock.forward(days=2)

    assert await made(harness) is None


# --- proofs


async def test_a_proof_shows_that_a_checkpoint_covers_the_event_and_nothing_else_of_the_feed(
    harness: Harness, clock: SetClock
) -> None:
    await two_days(harness, clock)
    async with harness.client() as client:
        for seq in (1, 2, 9, 10, 11, 20):
            shown = (await client.get(f"/v1/audit/proofs/{seq}")).json()
            proof = proof_from(shown)
            assert fault_of(proof, trusted=trusted(harness)) is None
            assert orjson.loads(proof.event)["id"] == (await client.get(f"/v1/events/{seq}")).json()["id"]
            assert fault_of(replace(proof, event=proof.event.replace("open", "shut")), trusted=trusted(harness))
            assert fault_of(replace(proof, seq=seq + 1), trusted=trusted(harness))
            assert fault_of(replace(proof, path=proof.path[:-1]), trusted=trusted(harness))
            assert fault_of(proof, trusted=frozenset()) is not None
        uncovered = await client.get("/v1/audit/proofs/21")
        missing = await client.get("/v1/audit/proofs/99")

    assert (uncovered.status_code, uncovered.json()["type"]) == (409, "/problems/not-covered-yet")
    assert missing.status_code == 404


async def test_who_may_not_see_an_event_gets_no_proof_of_it(harness: Harness, clock: SetClock) -> None:
    await append(harness.gateway, an_event(visibility="restricted", time=instant(clock.at)))
    clock.forward(days=2)
    assert await made(harness) is not None
    async with harness.client() as public, harness.client("auditor") as auditor:
        assert (await public.get("/v1/audit/proofs/1")).status_code == 404
        assert (await auditor.get("/v1/audit/proofs/1")).status_code == 200


# --- offline


async def exported(client: httpx.AsyncClient, query: str = "resource=audit") -> list[bytes]:
    answer = await client.get(f"/v1/exports?{query}")
    assert answer.status_code == 200, answer.text
    return answer.content.splitlines(keepends=True)


async def test_an_export_verifies_offline_and_any_changed_line_is_found(harness: Harness, clock: SetClock) -> None:
    await two_days(harness, clock)
    async with harness.client("auditor") as client:
        lines = await exported(client)
    keys = trusted(harness)

    good = verify_export(lines, trusted=keys)
    assert (good.ok, good.events, good.covered) == (True, 25, 20)
    for n in range(len(lines)):
        assert not verify_export([*lines[:n], *lines[n + 1 :]], trusted=keys).ok, f"line {n} taken away"
    for n, line in enumerate(lines[1:-1], start=1):
        digit = line.rindex(b'"') - 3
        changed = line[:digit] + (b"0" if line[digit : digit + 1] != b"0" else b"1") + line[digit + 1 :]
        assert not verify_export([*lines[:n], changed, *lines[n + 1 :]], trusted=keys).ok, f"line {n} changed"
    assert "not trusted" in str(verify_export(lines, trusted=frozenset({"stranger"})).reason)


async def test_a_rewritten_export_with_a_new_trailer_is_found_by_its_checkpoints(harness: Harness, clock: SetClock) -> None:
    await two_days(harness, clock)
    await rewritten(harness.gateway.db, 5)
    async with harness.client("auditor") as client:
        lines = await exported(client)

    report = verify_export(lines, trusted=trusted(harness))

    assert (report.ok, report.first_bad_seq) == (False, 1)


async def test_only_readers_of_the_trail_may_export_it(harness: Harness) -> None:
    async with harness.client() as public, harness.client("qsmo:cybersecurity") as qsmo:
        assert (await public.get("/v1/exports?resource=audit")).status_code == 401
        assert (await qsmo.get("/v1/exports?resource=audit")).status_code == 403


async def test_the_command_line_verifies_a_file_with_a_key_and_says_what_is_wrong(
    harness: Harness, clock: SetClock, tmp_path: Path
) -> None:
    await two_days(harness, clock)
    async with harness.client("auditor") as client:
        lines = await exported(client)
    (key,) = trusted(harness)
    file = tmp_path / "export.ndjson"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(QSMO), "audit", "verify", "--export", str(file), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})

    file.write_bytes(b"".join(lines))
    good, keyless = run("--key", key), run()
    file.write_bytes(b"".join(lines).replace(b"Cybersecurity", b"Cyber", 1))
    bad = run("--key", key)

    assert (good.returncode, good.stdout) == (
        0,
        "The feed holds 25 facts and its hash chain is whole.\nSigned checkpoints cover the first 20.\n",
    )
    assert (keyless.returncode, "--key" in keyless.stderr) == (1, True)
    assert (bad.returncode, "broken at seq 1" in bad.stdout) == (1, True)


async def test_the_command_line_verifies_a_proof_of_one_event(harness: Harness, clock: SetClock, tmp_path: Path) -> None:
    await two_days(harness, clock)
    async with harness.client() as client:
        shown = (await client.get("/v1/audit/proofs/3")).json()
    (key,) = trusted(harness)
    file = tmp_path / "proof.json"

    def run(document: object, *arguments: str) -> subprocess.CompletedProcess[str]:
        file.write_bytes(orjson.dumps(document))
        command = [str(QSMO), "audit", "verify", "--proof", str(file), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})

    good, keyless = run(shown, "--key", key), run(shown)
    bad = run({**shown, "event": shown["event"].replace("open", "shut")}, "--key", key)
    garbage: list[object] = [[], {}, {**shown, "path": [1]}, {**shown, "checkpoint": {}}]
    unread = [run(document, "--key", key) for document in garbage]

    assert (good.returncode, good.stdout) == (
        0,
        "Event 3 is covered by the checkpoint of 1 to 10, which the key signed.\n",
    )
    assert (keyless.returncode, "--key" in keyless.stderr) == (1, True)
    assert (bad.returncode, "the hash is not that of the event" in bad.stdout) == (1, True)
    assert [(said.returncode, "holds no proof" in said.stderr) for said in unread] == [(1, True)] * 4


async def test_proving_an_event_among_many_is_quick(harness: Harness, clock: SetClock) -> None:
    for _ in range(5):
        await append(harness.gateway, *(an_event(time=instant(clock.at)) for _ in range(1_000)))
    clock.forward(days=1)
    assert await Checkpoints(harness.gateway.db, _keyring(harness), every=timedelta(days=1), poll_s=1).make() is not None
    async with harness.client() as client:
        shown = (await client.get("/v1/audit/proofs/4321")).json()

    assert len(shown["path"]) <= 13
    assert fault_of(proof_from(shown), trusted=trusted(harness)) is None


def _keyring(harness: Harness) -> Any:
    return harness.gateway.keyring
