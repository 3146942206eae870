"""Peers are installed once, by their pinned manifests, into .cache/peers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.servers import REPOSITORY

PLACE = REPOSITORY / ".cache/peers"
SOURCES = Path(__file__).parent
_INSTALL_S = 900
_READY_S = 120.0


def installed(name: str, by: Callable[[Path], Sequence[Sequence[str | Path]]]) -> Path:
    """The folder of what `by` installs over a copy of the peer's sources; a folder is whole or not there.

    Raises subprocess.SubprocessError when it cannot be had.
    """
    source = SOURCES / name
    files = sorted(path for path in source.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(str(path.relative_to(source)).encode() + path.read_bytes() for path in files))
    place = PLACE / f"{name}-{digest.hexdigest()[:12]}"
    if not place.exists():
        making = PLACE / f"{place.name}.{os.getpid()}"
        shutil.copytree(source, making)
        try:
            for command in by(making):
                subprocess.run(command, cwd=making, check=True, timeout=_INSTALL_S, capture_output=True)
            making.rename(place)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return place


@contextmanager
def serving(command: Sequence[str | Path], *, url: str, cwd: Path, log: Path, **settings: str) -> Iterator[int]:
    """Its process id, once it answers at `url` with anything. Raises RuntimeError with the end of its log."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("QSMO_")}
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=cwd, env={**inherited, **settings}, stdout=out, stderr=out)
    try:
        _await_answer(process, url, log)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _await_answer(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            httpx.get(url, timeout=_READY_S)
            return
        except httpx.HTTPError as err:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{url} does not answer:\n{log.read_text()[-3_000:]}") from err
            time.sleep(0.1)
