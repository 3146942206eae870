"""The folder of an embedded installation: whose it is now, where it is served, what its parts are called."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from shared.auth import DevelopmentIssuer, seed_in


class DataInUse(Exception):
    """Another process serves this folder; `url` is where."""

    def __init__(self, url: str) -> None:
        super().__init__(f"This data folder is served already, at {url}.")
        self.url = url


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Everything an embedded installation keeps, below one path."""

    path: Path

    def database_url(self, service: str) -> str:
        return f"sqlite+aiosqlite:///{self.path.resolve() / service}.db"

    @property
    def issuer(self) -> DevelopmentIssuer:
        return DevelopmentIssuer(self.path / "issuer.key")

    @property
    def signing_key(self) -> str:
        return seed_in(self.path / "gateway.key")

    @property
    def _address(self) -> Path:
        return self.path / "server.json"

    def served_at(self) -> str | None:
        """Where a running server answers for this folder, or None."""
        try:
            with (self.path / "lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return self._read_address()
        return None

    def _read_address(self) -> str:
        try:
            return str(orjson.loads(self._address.read_bytes())["url"])
        except (FileNotFoundError, orjson.JSONDecodeError):
            return "an address not known yet (it is just starting)"

    @asynccontextmanager
    async def claimed(self, *, url: str) -> AsyncIterator[None]:
        """For this process alone. Raises DataInUse."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as err:
                raise DataInUse(self._read_address()) from err
            self._address.write_bytes(orjson.dumps({"url": url, "pid": os.getpid()}))
            try:
                yield
            finally:
                self._address.unlink(missing_ok=True)
