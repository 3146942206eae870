from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.gateway.webhooks.guard import AddressRefused, Guard
from services.gateway.webhooks.sending import Sender
from shared.kernel.errors import Invalid
from shared.kernel.time import utc_now
from tests.support.receiver import Receiver, a_receiver
from tests.unit.gateway.builders import a_gateway

PUBLIC = "93.184.216.34"
LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
NOT_PUBLIC = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
]


class Names:
    """A resolver that tells another story each time, as an attacker's name server may."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_addresses_that_are_not_public_are_refused_as_literals_and_behind_names(address: str) -> None:
    guard = Guard(resolver=Names([address]))
    host = f"[{address}]" if ":" in address else address

    with pytest.raises(Invalid, match="not a public address"):
        guard.check_url(f"https://{host}/hook")
    with pytest.raises(AddressRefused):
        await guard.address_of("receiver.example", 443)


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"])
async def test_public_addresses_pass(address: str) -> None:
    assert await Guard(resolver=Names([address])).address_of("receiver.example", 443) == address


async def test_a_name_with_one_address_that_is_not_public_is_refused_whole() -> None:
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.7"):
        await Guard(resolver=Names([PUBLIC, "10.0.0.7"])).address_of("receiver.example", 443)


async def test_the_operator_may_allow_a_network() -> None:
    guard = Guard(allowed=[ipaddress.ip_network("10.1.0.0/16")], resolver=Names(["10.1.2.3"]))

    assert await guard.address_of("receiver.example", 443) == "10.1.2.3"
    with pytest.raises(Invalid):
        guard.check_url("https://10.2.0.1/")


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "ftp://receiver.example/",
        "https://user:password@receiver.example/",
        "https:///path",
        "https://receiver.example:99999/",
        "https://[::1/",
        "https://127.0.0.1:8080/",
    ],
)
def test_an_address_that_cannot_be_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(Invalid):
        Guard().check_url(url)


@pytest.mark.parametrize("host", ["0x7f000001", "2130706433", "127.1", "0177.0.0.1", "localhost"])
async def test_other_spellings_of_loopback_fail_at_the_address_they_lead_to(host: str) -> None:
    """The system's resolver understands these; what it finds is what is judged."""
    with pytest.raises((AddressRefused, OSError)):
        await Guard().address_of(host, 443)


async def test_the_name_is_resolved_once_and_that_address_is_connected_to() -> None:
    """DNS rebinding: the second answer would lead inside, and is never asked for."""
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    guard = Guard(allowed=LOOPBACK, allow_http=True, resolver=names)
    async with a_receiver() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        sender = Sender(guard, timeout_s=5)
        outcome = await sender.post(f"http://rebinding.example:{port}/", headers=[], body=b"{}", at=utc_now())
        await sender.close()

    assert (outcome.status, names.asked) == (204, 1)
    assert receiver.got[0].headers["host"] == f"rebinding.example:{port}"


async def test_a_name_that_turns_inside_after_it_was_accepted_reaches_nobody(tmp_path: Path) -> None:
    """It led to a public address when the webhook was made; at delivery it leads to a receiver on this machine."""
    async with a_receiver() as victim:
        port = victim.url.split(":")[2].split("/")[0]
        settings: dict[str, Any] = {"webhook_allow_http": True, "webhook_poll_s": 0.02}
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        async with (
            a_gateway(url, tmp_path, resolver=Names([PUBLIC, "127.0.0.1"]), **settings) as harness,
            harness.client("omb") as client,
        ):
            made = await client.post("/v1/webhooks", json={"url": f"http://rebinding.example:{port}/"})
            pinged = (await client.post(f"/v1/webhooks/{made.json()['id']}/ping")).json()

    assert made.status_code == 201
    assert (pinged["delivered"], pinged["status"]) == (False, None)
    assert "not a public address" in pinged["error"]
    assert victim.got == []


async def test_a_port_that_nobody_listens_on_is_an_attempt_that_failed() -> None:
    sender = Sender(Guard(allowed=LOOPBACK, allow_http=True), timeout_s=5)
    outcome = await sender.post("http://127.0.0.1:1/", headers=[], body=b"{}", at=utc_now())
    await sender.close()

    assert (outcome.delivered, outcome.status) == (False, None)
    assert outcome.error


async def test_an_answer_without_end_is_cut() -> None:
    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"8000\r\n" + b"x" * 32_768 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = Sender(Guard(allowed=LOOPBACK, allow_http=True), timeout_s=5)
    try:
        outcome = await sender.post(f"http://127.0.0.1:{port}/", headers=[], body=b"{}", at=utc_now())
    finally:
        await sender.close()
        server.close()

    assert (outcome.status, outcome.duration_ms < 2_000) == (200, True)


# --- TLS: the pinned address must still prove the name


def a_certificate(name: str, folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "private.pem"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@pytest.fixture
async def tls_receiver(tmp_path: Path) -> AsyncIterator[tuple[Receiver, int, ssl.SSLContext]]:
    certificate, private = a_certificate("receiver.example", tmp_path)
    receiver = Receiver()
    config = uvicorn.Config(
        receiver,
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_level="critical",
        ssl_certfile=str(certificate),
        ssl_keyfile=str(private),
        ws="none",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield receiver, port, ssl.create_default_context(cafile=str(certificate))
    server.should_exit = server.force_exit = True
    await task


@pytest.mark.parametrize(("name", "status"), [("receiver.example", 204), ("other.example", None)])
async def test_tls_asks_for_the_certificate_of_the_name(
    tls_receiver: tuple[Receiver, int, ssl.SSLContext], name: str, status: int | None
) -> None:
    receiver, port, tls = tls_receiver
    sender = Sender(Guard(allowed=LOOPBACK, resolver=Names(["127.0.0.1"])), timeout_s=5, tls=tls)
    outcome = await sender.post(f"https://{name}:{port}/", headers=[], body=b"{}", at=utc_now())
    await sender.close()

    assert outcome.status == status
    assert len(receiver.got) == (1 if status else 0)
