"""The cluster shape with two replicas of every service, each pair behind nginx as behind a Service of Kubernetes."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from shared.auth import DevelopmentIssuer
from tests.support.cluster import SERVICES, Cluster, jwks_server
from tests.support.servers import LOOPBACK, NGINX, KafkaServer, PostgresServer, Server, ServerUnavailable, free_port

REPLICAS = 2
DRAIN_S = 2.0
# Shorter than the drain: a connection that rests for all of it would be closed just as the next request comes.
_IDLE_S = 1
_STOP_S = 60.0
_SITE = """
  upstream {service} {{ {servers} keepalive 64; keepalive_timeout {idle_s}s; }}
  server {{
    listen {loopback}:{port};
    location / {{
      proxy_pass http://{service};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_next_upstream error timeout non_idempotent;
      proxy_read_timeout 60s;
    }}
  }}
"""


class NginxServer(Server):
    """Each service at its front port, spread over `backends[service]`."""

    name = "nginx"

    def __init__(self, fronts: dict[str, int], backends: dict[str, Sequence[int]]) -> None:
        super().__init__()
        self._fronts = fronts
        self._backends = backends
        self.port = next(iter(fronts.values()))

    def _require(self) -> None:
        if not NGINX:
            raise ServerUnavailable("nginx is not installed.")

    def _prepare(self) -> None:
        sites = "".join(
            _SITE.format(
                service=service,
                loopback=LOOPBACK,
                port=port,
                idle_s=_IDLE_S,
                servers=" ".join(f"server {LOOPBACK}:{each} max_fails=0;" for each in self._backends[service]),
            )
            for service, port in self._fronts.items()
        )
        (self.directory / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {self.directory}/nginx.pid; error_log stderr error;\n"
            f"events {{ worker_connections 4096; }}\nhttp {{ access_log off; {sites} }}\n"
        )

    def _command(self) -> Sequence[str | Path]:
        return [NGINX or "nginx", "-p", self.directory, "-e", "stderr", "-c", self.directory / "nginx.conf"]

    def _ready(self) -> bool:
        try:
            httpx.get(f"http://{LOOPBACK}:{self.port}/livez", timeout=5)
        except httpx.TransportError:
            return False
        return True


class Replicas:
    """`cluster.ports` are nginx's; the processes have ports of their own."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.ports = {(service, n): free_port() for service in SERVICES for n in range(REPLICAS)}
        self.processes: dict[tuple[str, int], subprocess.Popen[bytes]] = {}

    def backends(self) -> dict[str, Sequence[int]]:
        return {service: [self.ports[service, n] for n in range(REPLICAS)] for service in SERVICES}

    def start(self, service: str, n: int) -> None:
        self.processes[service, n] = self.cluster.spawn(
            service, port=self.ports[service, n], MEMBER=f"{service}-{n}", DRAIN_S=str(DRAIN_S)
        )

    def terminate(self, service: str, n: int) -> int:
        """As Kubernetes does: SIGTERM, and wait. The exit status."""
        self.processes[service, n].send_signal(signal.SIGTERM)
        return self.processes[service, n].wait(_STOP_S)

    def is_ready(self, service: str, n: int) -> bool:
        try:
            return httpx.get(f"http://{LOOPBACK}:{self.ports[service, n]}/readyz", timeout=5).is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()


@contextmanager
def replicas(postgres: PostgresServer, kafka: KafkaServer, folder: Path) -> Iterator[Replicas]:
    """Started, not yet awaited."""
    issuer = DevelopmentIssuer(folder / "issuer.key")
    with jwks_server(issuer) as jwks_url:
        cluster = Cluster(postgres, kafka, issuer, jwks_url, folder)
        cluster.create_databases()
        made = Replicas(cluster)
        try:
            with NginxServer(cluster.ports, made.backends()):
                for service, n in made.ports:
                    made.start(service, n)
                yield made
        finally:
            made.stop()
            cluster.drop_databases()
