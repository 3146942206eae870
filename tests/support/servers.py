"""Real PostgreSQL and Kafka servers for tests: free loopback ports, data in a temporary directory."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
PINNED_KAFKA = REPOSITORY / "tests/support/kafka/pom.xml"

LOOPBACK = "127.0.0.1"
# Below the kernel's ephemeral range: a client that retries a dead server on an ephemeral port
# can be given that very port for its own end, connect to itself, and keep the server out.
# Each process of a parallel run takes from a range of its own: one cannot take what another has just found free.
PORTS_PER_PROCESS = 1_500
PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
SERVER_PORTS = range(15_000 + PROCESS * PORTS_PER_PROCESS, 15_000 + (PROCESS + 1) * PORTS_PER_PROCESS)

CHROMIUM = os.environ.get("QSMO_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 30.0
OLDEST_JAVA = 17


class ServerError(Exception):
    """A test server did not do as told; subclasses say what."""


class ServerUnavailable(ServerError):
    """What the server needs is not installed."""


class ServerDidNotStart(ServerError):
    """The server ended, or was not ready before the deadline; carries the end of its log."""


class StatementFailed(ServerError):
    """PostgreSQL refused a statement."""


# Found free and perhaps not listened at yet.
_FOUND: deque[int] = deque(maxlen=100)


def free_port() -> int:
    """Find a port that nothing listens on, another than the last hundred."""
    while True:
        port = random.choice(SERVER_PORTS)
        if port in _FOUND:
            continue
        with socket.socket() as probe:
            # As the servers do: a port in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            _FOUND.append(port)
            return port


class Server(ABC):
    """One server process on its own data, which outlives the process until `close`."""

    name: str
    user: str | None = None
    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"qsmo-{self.name}-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._paused = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether the process exists; a paused one does."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def start(self) -> None:
        """Start on the data there is, creating it the first time; returns when clients are served."""
        if self.running:
            return
        self._require()
        self._forget()
        try:
            self._prepare()
            self._spawn()
            self._await_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End in an orderly way, keeping the data."""
        if self._process is None:
            return
        self.resume()
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()

    def kill(self) -> None:
        """SIGKILL the server and all its children, keeping the data."""
        self._signal_tree(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(STOP_DEADLINE_S)
        self._forget()

    def restart(self) -> None:
        """Stop if running, then start again on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        self._signal_tree(signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        if self._paused:
            self._signal_tree(signal.SIGCONT)
        self._paused = False

    def recover(self) -> None:
        """Undo what a test may have left behind: a paused or a dead server."""
        self.resume()
        self.start()

    def close(self) -> None:
        """Stop and delete the data."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @abstractmethod
    def _require(self) -> None:
        """Raise ServerUnavailable when something is not installed."""

    @abstractmethod
    def _prepare(self) -> None:
        """Create the data unless it exists."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]: ...

    @abstractmethod
    def _ready(self) -> bool: ...

    def _run(self, *command: str | Path) -> None:
        done = subprocess.run(
            command,
            cwd=self.directory,
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerDidNotStart(f"{command[0]} failed:\n{done.stdout}{done.stderr}")

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self.directory,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the tests, not for the server
            )
        self._guard = _guard(self._process.pid, self.directory)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while not self._ready():
            if not self.running or time.monotonic() > deadline:
                raise ServerDidNotStart(f"{self.name} did not start:\n{self._log_end()}")
            time.sleep(0.05)

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    def _signal_tree(self, number: signal.Signals) -> None:
        """Signal the process and its children; stopped first, it cannot fork more meanwhile."""
        if self._process is None or self._process.poll() is not None:
            return
        try:
            parent = psutil.Process(self._process.pid)
            _send(parent, signal.SIGCONT if number == signal.SIGCONT else signal.SIGSTOP)
            tree = [*parent.children(recursive=True), parent]
        except psutil.NoSuchProcess:
            return
        for process in tree:
            _send(process, number)

    def _forget(self) -> None:
        self._process = None
        self._paused = False
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
    if number == signal.SIGKILL:
        _await_end(process)


def _await_end(process: psutil.Process) -> None:
    """Wait until a killed process has left its memory and ports; a zombie has."""
    deadline = time.monotonic() + STOP_DEADLINE_S
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.005)


def _guard(pid: int, directory: Path) -> subprocess.Popen[bytes]:
    """Kill the server and its data when this process dies without doing so: `read` sees the pipe close."""
    script = 'read -r _; kill -9 "$1" 2>/dev/null; sleep 1; rm -rf "$2"'
    return subprocess.Popen(
        ["sh", "-c", script, "guard", str(pid), directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


class PostgresServer(Server):
    """PostgreSQL with trust authentication on loopback; durable as in production (fsync on)."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast" shutdown: disconnects the clients
    superuser = "qsmo"

    def __init__(self) -> None:
        super().__init__()
        if os.geteuid() == 0:
            self.user = "postgres"  # initdb and postgres refuse root

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://{self.superuser}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """Create a database, empty or as a copy of one that nobody is connected to; returns its SQLAlchemy URL."""
        self.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop it if it exists, cutting off its clients."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run one statement as superuser; blocking, so that it serves with and without an event loop."""
        where = ["-h", LOOPBACK, "-p", str(self.port), "-U", self.superuser, "-d", "postgres"]
        done = subprocess.run(
            [self._binary("psql"), "-X", "-q", *where, "-c", statement],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StatementFailed(f"{statement}: {done.stderr.strip()}")

    def _require(self) -> None:
        if reason := postgres_available():
            raise ServerUnavailable(reason)

    def _prepare(self) -> None:
        if (self.data / "postgresql.conf").exists():
            return
        if self.user:
            shutil.chown(self.directory, self.user, self.user)
        options = [
            "-A",
            "trust",
            "-U",
            self.superuser,
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        self._run(self._binary("initdb"), "-D", self.data, *options)

    def _command(self) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "fsync": "on",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [self._binary("postgres"), "-D", self.data, *options]

    def _ready(self) -> bool:
        where = ["-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run([self._binary("pg_isready"), "-q", *where], check=False).returncode == 0

    @staticmethod
    def _binary(name: str) -> Path:
        directory = _postgres_binaries()
        if directory is None:
            raise ServerUnavailable("PostgreSQL is not installed.")
        return directory / name


class ArchivedPostgres(PostgresServer):
    """Its log goes to a folder beside it as it is written: a commit is answered when it is there too."""

    slot = "archive"

    def __init__(self) -> None:
        super().__init__()
        self._archiving: subprocess.Popen[bytes] | None = None

    @property
    def archive(self) -> Path:
        return self.directory / "archive"

    def begin_archiving(self) -> None:
        """As an operator does it: the receiver first, since then commits wait for it."""
        self._run("mkdir", self.archive)
        receiver: list[str | Path] = [self._binary("pg_receivewal"), "-D", self.archive, *self._where(), "-S", self.slot]
        self._run(*receiver, "--create-slot", "--if-not-exists")
        self._archiving = subprocess.Popen([*receiver, "--synchronous"], cwd=self.directory, user=self.user, group=self.user)
        self.execute("ALTER SYSTEM SET synchronous_standby_names = 'pg_receivewal'")
        self.execute("SELECT pg_reload_conf()")

    def base_backup(self) -> None:
        """Without the log, which the archive has."""
        self._run(self._binary("pg_basebackup"), "-D", self.directory / "base", "-X", "none", "-c", "fast", *self._where())

    def lose_everything(self) -> None:
        """kill -9, and its disk with it."""
        self.kill()
        self._end_archiving()
        shutil.rmtree(self.data)

    def restore(self) -> None:
        """From the base backup to the end of the archive, and up."""
        self._run("cp", "-a", self.directory / "base", self.data)
        self._run("touch", self.data / "recovery.signal")
        settings = (
            f'restore_command = \'cp {self.archive}/%f "%p" || cp {self.archive}/%f.partial "%p"\'\n'
            "hot_standby = off\n"  # nobody is let in before the end is reached
            "synchronous_standby_names = ''\n"
        )
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.write(settings)
        self.start()

    def dump(self, database: str) -> None:
        self._run(self._binary("pg_dump"), "-Fc", *self._where(), "-f", self.directory / f"{database}.dump", database)

    def restore_dump(self, database: str) -> None:
        """In place of the database."""
        self.drop_database(database)
        self.create_database(database)
        self._run(self._binary("pg_restore"), *self._where(), "-d", database, self.directory / f"{database}.dump")

    def close(self) -> None:
        self._end_archiving()
        super().close()

    def _end_archiving(self) -> None:
        if self._archiving is not None:
            self._archiving.send_signal(signal.SIGINT)
            self._archiving.wait(STOP_DEADLINE_S)
            self._archiving = None

    def _where(self) -> list[str]:
        return ["-h", LOOPBACK, "-p", str(self.port), "-U", self.superuser]


class KafkaServer(Server):
    """Apache Kafka, one KRaft node that is broker and controller; topics must be created by name."""

    name = "kafka"

    def __init__(self, *, seen_at: int | None = None) -> None:
        """`seen_at`: a port that leads to `side_port`; clients that come by it are told of no other."""
        super().__init__()
        self.controller_port = free_port()
        self.side_port = free_port()
        self._seen_at = seen_at

    @property
    def bootstrap(self) -> str:
        """The `bootstrap_servers` of clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def config(self) -> Path:
        return self.directory / "server.properties"

    def _require(self) -> None:
        if reason := kafka_available():
            raise ServerUnavailable(reason)

    def _prepare(self) -> None:
        if (self.directory / "data/meta.properties").exists():
            return
        self.config.write_text("".join(f"{key}={value}\n" for key, value in self._settings().items()))
        cluster_id = "cXNtby10ZXN0LWNsdXN0ZQ"  # any 16 bytes in base64url
        tool = _java("kafka.tools.StorageTool", "-Xmx128m")
        self._run(*tool, "format", "--standalone", "-t", cluster_id, "-c", self.config, *self._first_users())

    def _first_users(self) -> Sequence[str]:
        return ()

    def _settings(self) -> dict[str, str]:
        controller = f"{LOOPBACK}:{self.controller_port}"
        side = f"SIDE://{LOOPBACK}:{self.side_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"PLAINTEXT://{self.bootstrap},{side},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap},SIDE://{LOOPBACK}:{self._seen_at or self.side_port}",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": controller,
            "log.dirs": str(self.directory / "data"),
            **_ONE_NODE,
        }

    def _command(self) -> Sequence[str | Path]:
        return [*_java("kafka.Kafka", "-Xmx512m"), self.config]

    def _ready(self) -> bool:
        try:
            return _brokers_in_metadata(self.port) > 0
        except (OSError, struct.error):
            return False


class SecuredKafkaServer(KafkaServer):
    """The same, and at `side_port` over TLS only, for the user `qsmo` with a password, or for who shows a certificate.

    `folder` has `server.pem` (certificate and key) and `ca.pem`, which also signs clients' certificates.
    """

    def __init__(self, folder: Path, *, password: str, protocol: str) -> None:
        super().__init__()
        self._folder = folder
        self._password = password
        self._protocol = protocol

    @property
    def secured(self) -> str:
        return f"localhost:{self.side_port}"

    def _first_users(self) -> Sequence[str]:
        return ("--add-scram", f"SCRAM-SHA-512=[name=qsmo,password={self._password}]")

    def _settings(self) -> dict[str, str]:
        settings = super()._settings()
        return settings | {
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap},SIDE://{self.secured}",
            "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,SIDE:{self._protocol},CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.side.scram-sha-512.sasl.jaas.config": _SCRAM_LOGIN,
            "listener.name.side.ssl.client.auth": "required" if self._protocol == "SSL" else "none",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._folder / "server.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self._folder / "ca.pem"),
        }


class GuardedKafkaServer(KafkaServer):
    """The same, and at `side_port` for users with a password, who may do there what they were given and nothing else."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        super().__init__()
        self._passwords = passwords

    @property
    def guarded(self) -> str:
        return f"{LOOPBACK}:{self.side_port}"

    def _first_users(self) -> Sequence[str]:
        users = [f"SCRAM-SHA-512=[name={name},password={word}]" for name, word in self._passwords.items()]
        return [part for user in users for part in ("--add-scram", user)]

    def _settings(self) -> dict[str, str]:
        return super()._settings() | {
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SIDE:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.side.scram-sha-512.sasl.jaas.config": _SCRAM_LOGIN,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # who comes by the port without passwords, as the broker itself does
        }


_SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_ONE_NODE = {
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "2",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",  # lets tests see a dead member expelled soon
    # A killed broker is refused until its old session has ended; 9 s is the default.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "16777216",  # the default takes a quarter of the heap
}


def _java(main_class: str, *options: str) -> list[str]:
    quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    quiet = [
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
    ]
    return ["java", *options, *quick, *quiet, "-cp", f"{_kafka_home()}/libs/*", main_class]


def _brokers_in_metadata(port: int) -> int:
    """Ask for Kafka metadata: a broker lists itself only when it serves clients.

    Source: Kafka protocol guide, Metadata request version 1, without topics.
    """
    request = struct.pack(">hhihi", 3, 1, 0, -1, 0)
    with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answer:
            _size, _correlation, brokers = struct.unpack(">iii", answer.read(12))
    return int(brokers)


def _kafka_home() -> Path:
    return Path(os.environ.get("QSMO_KAFKA_HOME") or REPOSITORY / ".cache/kafka").resolve()


@functools.cache
def _postgres_binaries() -> Path | None:
    """The newest installed version's directory, else the one on PATH."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    by_version = sorted(installed, key=lambda path: int(path.parts[-3]))
    if by_version:
        return by_version[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


@functools.cache
def postgres_available() -> str | None:
    """None, or the reason in one sentence why PostgreSQL cannot be started."""
    if _postgres_binaries() is None:
        return "PostgreSQL is not installed (no `postgres` in /usr/lib/postgresql/*/bin or on PATH)."
    if os.geteuid() == 0 and not _user_exists("postgres"):
        return "PostgreSQL refuses to run as root and there is no user `postgres` to run it as."
    return None


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@functools.cache
def kafka_available() -> str | None:
    """None, or the reason in one sentence why Kafka cannot be started."""
    if shutil.which("java") is None:
        return "Kafka needs Java, and there is no `java` on PATH."
    if (found := _java_version()) < OLDEST_JAVA:
        return f"Kafka needs Java {OLDEST_JAVA} or newer, and `java` is version {found}."
    fetched = _kafka_home() / "pom.xml"
    if not fetched.exists():
        return f"Kafka is not in {_kafka_home()}; tests/support/fetch_kafka.sh fetches it."
    if fetched.read_bytes() != PINNED_KAFKA.read_bytes():
        return f"Kafka in {_kafka_home()} is not the pinned version; tests/support/fetch_kafka.sh fetches it."
    return None


def _java_version() -> int:
    """The major version, 0 when `java` does not say."""
    answer = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', answer)
    return int(found[1]) if found else 0


def nginx_available() -> str | None:
    """None, or the reason in one sentence why nginx cannot be started."""
    return None if NGINX else "nginx is not installed (no `nginx` on PATH or in /usr/sbin)."


def npm_available() -> str | None:
    """None, or the reason in one sentence why what Node.js runs cannot be had."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"Node.js is not whole: no `{'`, no `'.join(missing)}` on PATH." if missing else None


def promtool_available() -> str | None:
    """None, or the reason in one sentence why alert rules cannot be tested."""
    return None if shutil.which("promtool") else "promtool is not installed (no `promtool` on PATH)."


def chromium_available() -> str | None:
    """None, or the reason in one sentence why pages cannot be looked at in a browser."""
    return None if CHROMIUM else "Chromium is not installed (no `chromium` on PATH, and QSMO_CHROMIUM is not set)."


AVAILABILITY: dict[str, Callable[[], str | None]] = {
    "postgres": postgres_available,
    "kafka": kafka_available,
    "npm": npm_available,
    "nginx": nginx_available,
    "promtool": promtool_available,
    "chromium": chromium_available,
}
HOW_TO_INSTALL = {
    "postgres": "apt-get install postgresql",
    "kafka": "apt-get install openjdk-17-jre-headless maven && tests/support/fetch_kafka.sh",
    "npm": "apt-get install npm, and a package registry that it reaches",
    "nginx": "apt-get install nginx-light",
    "promtool": "apt-get install prometheus",
    "chromium": "apt-get install chromium fonts-liberation",
}


def main() -> None:
    """Start both, print how to reach them, and keep them until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        contextlib.suppress(KeyboardInterrupt),
        PostgresServer() as postgres,
        KafkaServer() as kafka,
    ):
        print(f"export QSMO_TEST_POSTGRES={postgres.create_database('qsmo')}")
        print(f"export QSMO_TEST_KAFKA={kafka.bootstrap}")
        print("# Ctrl-C stops both and deletes their data", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
