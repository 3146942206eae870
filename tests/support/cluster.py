"""The cluster shape on this machine: each service its own process, on real PostgreSQL and Kafka, killable."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import httpx

from shared.auth import AUDIENCE, DEV_ISSUER, DevelopmentIssuer
from tests.support.servers import KafkaServer, PostgresServer, free_port

SERVICES = ("registry", "catalog", "adoption", "gateway")
REPOSITORY = Path(__file__).resolve().parents[2]
_READY_S = 60.0
# 32 bytes in base64: tests' own.
SIGNING_KEY = "dGVzdHMnIG93biBrZXksIDMyIGJ5dGVzIGxvbmchISE="


@contextmanager
def jwks_server(issuer: DevelopmentIssuer) -> Iterator[str]:
    """An identity provider as far as services see one: its keys at an address."""
    document = json.dumps(issuer.jwks()).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Cluster:
    """Four processes and where they answer. Topics are the broker's: one cluster at a time on a broker.

    `python`: of the environment that they run in; `via`: "host:port" → where they find it instead; `variables`: what else
    stands in the environment of each.
    """

    postgres: PostgresServer
    kafka: KafkaServer
    issuer: DevelopmentIssuer
    jwks_url: str
    logs: Path
    python: Path = Path(sys.executable)
    run: str = field(default_factory=lambda: uuid4().hex[:8])
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in SERVICES})
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    via: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    def token(self, *roles: str, subject: str = "tester") -> str:
        return self.issuer.token(subject=subject, roles=list(roles))

    def database_url(self, service: str) -> str:
        return self.postgres.url(f"{service}_{self.run}")

    def create_databases(self) -> None:
        for service in SERVICES:
            self.postgres.create_database(f"{service}_{self.run}")

    def environment(self, service: str) -> dict[str, str]:
        """What a Deployment would set; nothing else tells a service how to run."""
        own = {
            "DATABASE_URL": self.database_url(service),
            "BUS_URL": f"kafka://{self.kafka.bootstrap}",
            "ISSUER": DEV_ISSUER,
            "AUDIENCE": AUDIENCE,
            "JWKS_URL": self.jwks_url,
            "GATEWAY_JWKS_URL": f"{self.url}/.well-known/gateway-jwks.json",
            "MIGRATE": "true",
            "MEMBER": f"{service}-0",
            "DRAIN_S": "0",
            "LOG_LEVEL": "WARNING",
        }
        if service == "gateway":
            own |= {"SIGNING_KEY": SIGNING_KEY, "RATE_PER_S": "0", "RATE_ANONYMOUS_PER_S": "0"}
            own |= {f"{name.upper()}_URL": f"http://127.0.0.1:{self.ports[name]}" for name in SERVICES[:-1]}
        return {f"QSMO_{service.upper()}_{name}": self._led(value) for name, value in own.items()}

    def _led(self, value: str) -> str:
        for place, instead in self.via.items():
            value = value.replace(place, instead)
        return value

    def start(self, service: str) -> None:
        self.processes[service] = self.spawn(service, port=self.ports[service])

    def spawn(self, service: str, *, port: int, **settings: str) -> subprocess.Popen[bytes]:
        """A process of the service; `settings` besides those of its environment."""
        command = (
            str(self.python),
            "-m",
            "uvicorn",
            "--http",
            "shared.web.server:AtOnce",
            "--factory",
            f"services.process:{service}",
        )
        options = ("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("QSMO_")}
        own = {f"QSMO_{service.upper()}_{name}": value for name, value in settings.items()}
        env = {**inherited, **self.variables, **self.environment(service), **own}
        with (self.logs / f"{service}.log").open("ab") as log:
            return subprocess.Popen([*command, *options], cwd=REPOSITORY, env=env, stdout=log, stderr=log)

    def qsmo(self, *arguments: str | Path, **changed: str | None) -> subprocess.CompletedProcess[str]:
        """The command line as an operator of this cluster has it; `changed` variables are others, or absent."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("QSMO_")}
        told = {name: value for service in SERVICES for name, value in self.environment(service).items()}
        env = {name: value for name, value in {**inherited, **told, **changed}.items() if value is not None}
        command = [str(self.python.parent / "qsmo"), *map(str, arguments)]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)

    def kill(self, service: str) -> None:
        """As kill -9 does: no goodbye."""
        self.processes[service].send_signal(signal.SIGKILL)
        self.processes[service].wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def drop_databases(self) -> None:
        for service in SERVICES:
            self.postgres.drop_database(f"{service}_{self.run}")

    async def ready(self) -> None:
        """Raises TimeoutError with what is not ready, and the end of its log."""
        for service in SERVICES:
            await self.answers(service, self.ports[service])

    async def answers(self, service: str, port: int) -> None:
        """Until the process of the service at this port is ready; see `ready`."""
        async with httpx.AsyncClient(timeout=5) as client:
            await self._ready(client, service, port)

    async def _ready(self, client: httpx.AsyncClient, service: str, port: int) -> None:
        seen = "no answer"
        try:
            async with asyncio.timeout(_READY_S):
                while True:
                    try:
                        answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                        seen = answer.text
                        if answer.is_success:
                            return
                    except httpx.HTTPError as error:
                        seen = repr(error)
                    await asyncio.sleep(0.05)
        except TimeoutError as err:
            tail = (self.logs / f"{service}.log").read_text()[-3_000:]
            raise TimeoutError(f"{service} is not ready: {seen}\n{tail}") from err


@contextmanager
def a_cluster(
    postgres: PostgresServer,
    kafka: KafkaServer,
    folder: Path,
    *,
    python: Path = Path(sys.executable),
    prepare: Callable[[Cluster], None] = lambda _: None,
) -> Iterator[Cluster]:
    """Started, not yet awaited."""
    issuer = DevelopmentIssuer(folder / "issuer.key")
    with jwks_server(issuer) as jwks_url:
        cluster = Cluster(postgres, kafka, issuer, jwks_url, folder, python)
        prepare(cluster)
        cluster.create_databases()
        try:
            for service in SERVICES:
                cluster.start(service)
            yield cluster
        finally:
            cluster.stop()
            cluster.drop_databases()
