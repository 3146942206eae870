"""A TCP proxy that can be told to misbehave: cut, reset, delayed, stalling, half open."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from tests.support.servers import LOOPBACK

Fault = Literal["none", "drop", "reset", "delay", "loss", "half-open"]
_CHUNK_BYTES = 65_536
_RETRANSMISSION_S = (0.2, 1.0)


class Wire:
    """From a port of its own to `target`, for as many connections as come.

    drop: nothing passes, and nobody is told. reset: every connection, old and new, ends with RST. delay: 500 ± 200 ms each
    way. loss: one piece in twenty waits as long as TCP would take to send it again. half-open: answers do not come back.
    """

    def __init__(self, target: int, *, port: int = 0) -> None:
        self._target = target
        self._fault: Fault = "none"
        self._mended = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._chance = random.Random(7)
        self._listener = socket.create_server((LOOPBACK, port))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def fail(self, fault: Fault) -> None:
        self._loop.call_soon_threadsafe(self._set, fault)

    def _set(self, fault: Fault) -> None:
        self._fault = fault
        if fault in {"drop", "half-open"}:
            self._mended.clear()
        else:
            self._mended.set()
        if fault == "reset":
            for writer in list(self._connections):
                _reset(writer)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._mended.set()
        self._stopped = asyncio.Event()
        server = await asyncio.start_server(self._connected, sock=self._listener)
        await self._stopped.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._fault == "reset":
            _reset(writer)
            return
        try:
            behind, onward = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            _reset(writer)
            return
        self._connections |= {writer, onward}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, onward, back=False))
                group.create_task(self._carry(behind, writer, back=True))
        except* OSError:
            pass
        finally:
            self._connections -= {writer, onward}
            for each in (writer, onward):
                each.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool) -> None:
        while piece := await reader.read(_CHUNK_BYTES):
            await self._hold_up(back=back)
            writer.write(piece)
            await writer.drain()
        # Either side that ends, ends both: what is proxied here never half-closes.
        raise ConnectionError("the connection has ended")

    async def _hold_up(self, *, back: bool) -> None:
        match self._fault:
            case "delay":
                await asyncio.sleep(self._chance.uniform(0.3, 0.7))
            case "loss" if self._chance.random() < 0.05:
                await asyncio.sleep(self._chance.uniform(*_RETRANSMISSION_S))
            case "drop":
                await self._mended.wait()
            case "half-open" if back:
                await self._mended.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, AttributeError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def a_wire(target: int, *, port: int = 0) -> Iterator[Wire]:
    wire = Wire(target, port=port)
    wire.open()
    try:
        yield wire
    finally:
        wire.close()
