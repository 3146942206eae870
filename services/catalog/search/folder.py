"""Where an index has its files: a folder of its own, held as long as the process lives."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "qsmo-index-"
_LOCK = "held"
_UNLOCKED = "made"


class IndexFolder:
    """In the directory for temporary files. What processes that were killed left there is taken away."""

    def __init__(self) -> None:
        _tidy(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = (self.path / _UNLOCKED).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (self.path / _UNLOCKED).rename(self.path / _LOCK)  # never seen unlocked: others would take the folder away

    def remove(self) -> None:
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _tidy(parent: Path) -> None:
    """A lock ends with the process that holds it. A folder without one is being made, or is somebody else's."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError), lock.open("r") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
