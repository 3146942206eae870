"""A running service: its named background loops, started together, watched, stopped in order; its interpreter."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

from shared import telemetry
from shared.kernel.cancelling import is_cancelled
from shared.kernel.errors import Unavailable

_RESTART_S = 1.0
_CANCEL_AGAIN_S = 1.0
_GC_ALLOCATIONS = 200_000


def tune_interpreter() -> None:
    """When everything is loaded: what is loaded stays, and scanning it again and again cost a third of an import.

    So do a thousand objects that nobody needs any more: to look for them first is a tenth of a start.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(_GC_ALLOCATIONS, 20, 50)


class Loops:
    """Runs each loop for as long as the service lives; one that fails is logged and started again."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failing: dict[str, str] = {}
        self._log = telemetry.logger("loops").bind(service=service)

    def start(self, name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks[name] = asyncio.create_task(self._supervise(name, loop), name=f"{self._service}/{name}")

    async def _supervise(self, name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        up = telemetry.LOOP_UP.labels(self._service, name)
        while True:
            up.set(1)
            try:
                await loop()
                return
            except asyncio.CancelledError as error:
                if is_cancelled():
                    raise
                self._failed(name, error)
            except Exception as error:  # noqa: BLE001 - the process edge: a loop that dies silently would stall the service
                self._failed(name, error)
            finally:
                up.set(0)
            await asyncio.sleep(_RESTART_S)
            self._failing.pop(name, None)

    def _failed(self, name: str, error: BaseException) -> None:
        self._failing[name] = repr(error)
        self._log.error("loop_failed", loop=name, exc_info=error)

    async def check(self) -> None:
        """Raises Unavailable naming the loops that are down."""
        if self._failing:
            raise Unavailable(f"Background loops are failing: {', '.join(sorted(self._failing))}.")

    async def stop(self) -> None:
        """Cancel in reverse order of starting, each awaited."""
        for task in reversed(tuple(self._tasks.values())):
            # Again and again: what fails while it unwinds, as a rollback may, takes the place of the cancellation.
            while not task.done():
                task.cancel()
                await asyncio.wait((task,), timeout=_CANCEL_AGAIN_S)
        self._tasks.clear()
