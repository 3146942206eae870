"""The server's side of one exchange: what is written to it directly does not go through ASGI."""

from __future__ import annotations

import logging
from typing import Any

from starlette.types import Scope, Send

# Of uvicorn's, with httptools. Of any other server nothing is known, and all goes by ASGI.
_NEEDED = (
    "access_log",
    "access_logger",
    "default_headers",
    "disconnected",
    "flow",
    "keep_alive",
    "message_event",
    "on_response",
    "response_complete",
    "response_started",
    "transport",
)
_LINES = {200: b"HTTP/1.1 200 OK\r\n", 304: b"HTTP/1.1 304 Not Modified\r\n"}
_fit: dict[type, bool] = {}


def server_of(scope: Scope, send: Send) -> Any:
    """What the server writes this exchange with; None where something stands in between that has to see what is sent."""
    if "qsmo.server" in scope:
        return scope["qsmo.server"]
    return getattr(send, "__self__", None)


def takes_whole(server: Any) -> bool:
    """Whether `write_whole` may be used: the connection stays, has room, and nobody wants a line in a log."""
    kind = type(server)
    fit = _fit.get(kind)
    if fit is None:
        fit = _fit[kind] = all(hasattr(server, name) for name in _NEEDED)
    if not fit or not server.keep_alive or server.response_started or server.disconnected:
        return False
    if server.access_log and server.access_logger.isEnabledFor(logging.INFO):
        return False
    return not server.flow.write_paused


def write_whole(server: Any, status: int, head: bytes, body: bytes) -> None:
    """An answer in one piece. `head`: lines of fields, each with its end, that tell the length of a body."""
    own = b"".join([b"%b: %b\r\n" % pair for pair in server.default_headers])
    server.response_started = server.response_complete = True
    server.transport.write(b"".join((_LINES[status], own, head, b"\r\n", body)))
    server.message_event.set()
    server.on_response()
