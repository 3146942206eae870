"""A client of one HTTP/1.1 server: kept-alive connections, answers passed on as they come, no object in between."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol
from urllib.parse import urlsplit

import httptools

RawHeaders = list[tuple[bytes, bytes]]
_CONNECT_S = 3.0
# Below what servers usually allow (uvicorn: 5 s), so that a request rarely meets a connection that is just being closed.
_IDLE_S = 4.0
_CONNECTIONS_MAX = 200
_UNREAD_BYTES_MAX = 262_144
_BREAKS = (b" ", b"\r", b"\n")


class Broken(Exception):
    """No whole answer will come. `reached`: whether there was a connection at all."""

    def __init__(self, reason: str, *, reached: bool = True) -> None:
        super().__init__(reason)
        self.reached = reached


class Opened(Protocol):
    """An answer whose head has come; who got it closes it. Names of `headers` as they came."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> RawHeaders: ...
    @property
    def is_at_hand(self) -> bool:
        """Whether `part` returns without waiting."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether nothing is left; False while that is not known."""
        ...

    async def part(self) -> bytes | None:
        """What has come of the body since; None at its end. Raises Broken."""
        ...

    async def close(self) -> None: ...


class Transport(Protocol):
    """How a service is reached."""

    async def open(self, method: str, target: bytes, *, headers: RawHeaders, body: AsyncIterator[bytes] | None) -> Opened:
        """Raises Broken. The framing of the body is told by `headers`: a length, or chunked."""
        ...

    async def close(self) -> None: ...


class Connection(asyncio.Protocol):
    """One exchange after the other with the server."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._changed: asyncio.Future[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.idle_since = 0.0
        self.is_lost = False
        self.begin()

    def begin(self) -> None:
        """Nothing of an answer has come."""
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: RawHeaders = []
        self.has_head = self.is_complete = self.has_said_anything = False
        self._parts: deque[bytes] = deque()
        self._unread_bytes = 0
        self._is_paused = self._is_idle = self._keeps_alive = False
        self._may_write.set()

    def rest(self, *, at: float) -> None:
        """Nobody has asked anything: what comes now is no answer."""
        self.idle_since = at
        self._is_idle = True

    # --- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        if self._is_idle:
            self.abort()
            return
        self.has_said_anything = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        # Without a length, the end of the connection is the end of the answer.
        if exc is None and not self.is_lost and self.has_head and not self._is_framed():
            self.is_complete = True
        self.is_lost = True
        self._may_write.set()
        self._wake()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    # --- httptools calls these

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # else it is a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.has_head = self.status >= 200
        if self.has_head:
            self._may_write.set()  # who still sends a body looks here first

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._unread_bytes += len(body)
        if self._unread_bytes > _UNREAD_BYTES_MAX and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self.has_head:
            self.is_complete = True
            self._keeps_alive = bool(self._parser.should_keep_alive())
        else:  # 1xx: the answer is still to come
            self.headers = []

    # --- the exchange

    def _is_framed(self) -> bool:
        return any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self.headers)

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    async def _change(self) -> None:
        self._changed = asyncio.get_running_loop().create_future()
        try:
            await self._changed
        finally:
            self._changed = None

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    async def send_body(self, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        """Until all is sent, or an answer comes that did not wait for it: then this connection is done with."""
        async for chunk in body:
            if self.has_head or self.is_lost:
                return
            self.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            await self._may_write.wait()
        if chunked:
            self.write(b"0\r\n\r\n")

    async def head(self) -> None:
        """Raises Broken."""
        while not self.has_head:
            if self.is_lost:
                raise Broken("the connection ended before an answer")
            await self._change()

    async def part(self) -> bytes | None:
        """As `Opened.part`."""
        while not self._parts:
            if self.is_complete:
                return None
            if self.is_lost:
                raise Broken("the connection ended in the middle of an answer")
            await self._change()
        found = self._parts.popleft() if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._unread_bytes = 0
        if self._is_paused and self._transport is not None and not self.is_lost:
            self._is_paused = False
            self._transport.resume_reading()
        return found

    @property
    def is_at_hand(self) -> bool:
        return self.is_complete or bool(self._parts)

    @property
    def is_over(self) -> bool:
        return self.is_complete and not self._parts

    def may_be_kept(self) -> bool:
        return self.is_over and not self.is_lost and self._keeps_alive

    def abort(self) -> None:
        self.is_lost = True
        if self._transport is not None:
            self._transport.abort()


class Answering:
    """An answer on its way, over a connection that goes back when it is done with."""

    def __init__(self, connection: Connection, pool: Http1, *, is_bodiless: bool, is_whole: bool) -> None:
        self._connection = connection
        self._pool = pool
        self._is_bodiless = is_bodiless
        self._is_whole = is_whole
        self.status = connection.status
        self.headers = connection.headers

    @property
    def is_at_hand(self) -> bool:
        return self._is_bodiless or self._connection.is_at_hand

    @property
    def is_over(self) -> bool:
        return self._is_bodiless or self._connection.is_over

    async def part(self) -> bytes | None:
        return None if self._is_bodiless else await self._connection.part()

    async def close(self) -> None:
        self._pool.give_back(self._connection, good=self._is_whole and self._connection.may_be_kept())


class Http1:
    """The connections to one server. Only a read is sent again, and only over a kept one that ended before it said a word."""

    def __init__(self, base_url: str, *, tls: ssl.SSLContext | None = None) -> None:
        at = urlsplit(base_url)
        if at.scheme not in {"http", "https"} or at.hostname is None:
            raise ValueError(f"{base_url!r} is no http(s) address of a service.")
        self._tls = (tls or ssl.create_default_context()) if at.scheme == "https" else None
        self._host, self._port = at.hostname, at.port or (443 if self._tls else 80)
        self._prefix = at.path.rstrip("/").encode()
        self._host_line = b"host: %b\r\n" % at.netloc.rpartition("@")[2].encode()
        self._idle: deque[Connection] = deque()
        self._free = asyncio.Semaphore(_CONNECTIONS_MAX)

    async def open(self, method: str, target: bytes, *, headers: RawHeaders, body: AsyncIterator[bytes] | None) -> Answering:
        """As `Transport.open`."""
        await self._free.acquire()
        connection: Connection | None = None
        try:
            while True:
                kept = self._kept()
                connection = kept or await self._connect()
                connection.begin()
                try:
                    return await self._asked(connection, method, target, headers, body)
                except Broken:
                    if kept is None or connection.has_said_anything or method not in {"GET", "HEAD"}:
                        raise
        except BaseException:
            if connection is not None:
                connection.abort()
            self._free.release()
            raise

    async def _asked(
        self, connection: Connection, method: str, target: bytes, headers: RawHeaders, body: AsyncIterator[bytes] | None
    ) -> Answering:
        target = self._prefix + target
        if any(byte in target for byte in _BREAKS):
            raise ValueError("A request target holds no blanks or line ends.")
        lines = b"".join([b"%b: %b\r\n" % pair for pair in headers])
        connection.write(b"%b %b HTTP/1.1\r\n%b%b\r\n" % (method.encode(), target, self._host_line, lines))
        is_whole = True
        if body is not None:
            await connection.send_body(body, chunked=any(name == b"transfer-encoding" for name, _ in headers))
            is_whole = not connection.has_head
        await connection.head()
        return Answering(connection, self, is_bodiless=method == "HEAD", is_whole=is_whole)

    def _kept(self) -> Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_lost:
                continue
            if now - connection.idle_since < _IDLE_S:
                return connection
            connection.abort()
        return None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, connection = await loop.create_connection(Connection, self._host, self._port, ssl=self._tls)
        except TimeoutError as err:
            raise Broken("no connection in time", reached=False) from err
        except OSError as err:
            raise Broken(str(err), reached=False) from err
        return connection

    def give_back(self, connection: Connection, *, good: bool) -> None:
        self._free.release()
        if not good:
            connection.abort()
            return
        connection.rest(at=asyncio.get_running_loop().time())
        self._idle.append(connection)
        while self._idle and (self._idle[0].is_lost or connection.idle_since - self._idle[0].idle_since > _IDLE_S):
            self._idle.popleft().abort()

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().abort()
