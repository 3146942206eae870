"""A TCP proxy that tears connections where it is told to, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# How many bytes of answers a connection lives for; None: as long as it likes.
Cut = Callable[[], int | None]


class CuttingProxy:
    """`cuts` counts the connections it tore."""

    def __init__(self, target_port: int, cut: Cut) -> None:
        self._target_port = target_port
        self.cut = cut
        self.cuts = 0
        self.port = 0
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await stop.wait()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open)
        await asyncio.sleep(0.01)  # closed transports let go of their sockets

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # torn by either side, which is what it is for
        finally:
            writer.transport.close()  # what was passed on still arrives; nothing else does
            self._open.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self.cut()
        there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        asking = asyncio.create_task(_copied(reader, back))
        try:
            while piece := await there.read(65_536 if left is None else max(1, min(65_536, left))):
                writer.write(piece)
                await writer.drain()
                if left is not None and (left := left - len(piece)) <= 0:
                    self.cuts += 1
                    return
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            back.transport.abort()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
        await writer.drain()
    writer.write_eof()


@contextmanager
def a_cutting_proxy(target_port: int, cut: Cut = lambda: None) -> Iterator[CuttingProxy]:
    proxy, ready, stop = CuttingProxy(target_port, cut), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(proxy.serve(ready, stop)))
    thread.start()
    try:
        assert ready.wait(10)
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
