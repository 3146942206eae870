"""An embedded installation as a user has it: `qsmo serve` in a process of its own, and the command line beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.servers import free_port

QSMO = Path(sys.executable).parent / "qsmo"
_READY_S = 60.0
_STOP_S = 15.0


@dataclass
class Installation:
    """One data folder and, while it is served, a process."""

    data: Path
    port: int
    program: Sequence[str | Path] = (QSMO,)
    serve: Sequence[str] = ("serve",)
    process: subprocess.Popen[str] | None = None
    started_in_s: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("QSMO_")}
        return {**inherited, "QSMO_DATA": str(self.data), "QSMO_PORT": str(self.port)}

    def start(self) -> str:
        """Serves; returns the greeting. Raises RuntimeError when it does not come up."""
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [*self.program, *self.serve], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said.append(line)
            if line.startswith("A token"):
                said += [self.process.stdout.readline(), self.process.stdout.readline()]
                self.started_in_s = time.monotonic() - begun
                return "".join(said)
            if time.monotonic() - begun > _READY_S:
                break
        raise RuntimeError("qsmo serve did not come up:\n" + "".join(said))

    def stop(self) -> int:
        """As an operator does; returns the exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(timeout=_STOP_S)
        self._forget()
        return status

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._forget()

    def _forget(self) -> None:
        assert self.process is not None
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None

    def qsmo(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [QSMO, *map(str, arguments)], env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )

    def imported(self, kind: str, file: Path) -> dict[str, dict[str, int]]:
        """The counts per section. Raises AssertionError with what the command said."""
        done = self.qsmo("import", kind, file, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        sections: dict[str, dict[str, int]] = json.loads(done.stdout)
        for name, counts in sections.items():
            assert counts["read"] == sum(n for result, n in counts.items() if result != "read"), (name, counts)
        return sections

    def get(self, path: str, **parameters: Any) -> Any:
        answer = httpx.get(self.url + path, params=parameters, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    def token(self, *roles: str) -> str:
        arguments = [part for role in roles for part in ("--role", role)]
        return self.qsmo("token", *arguments).stdout.strip()

    def headers(self, *roles: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*roles)}"}


@contextmanager
def an_installation(
    folder: Path, *, serving: bool = True, starter: bool = True, program: Sequence[str | Path] = (QSMO,)
) -> Iterator[Installation]:
    serve = ("serve",) if starter else ("serve", "--no-starter")
    installation = Installation(folder / "data", free_port(), program=program, serve=serve)
    if serving:
        installation.start()
    try:
        yield installation
    finally:
        if installation.process is not None:
            installation.kill()
