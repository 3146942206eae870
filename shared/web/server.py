"""The server's protocol, for apps that can answer some requests there and then, without a task for each.

It is uvicorn's `--http` (UVICORN_HTTP). Without it, or where an app has no such answers, everything goes the usual way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Is given the exchange; True when it has been answered.
Answerer = Callable[[Any], bool]


class AtOnce(HttpToolsProtocol):
    """Asks the app's `at_once` first. A request that comes again in the same words is not read again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answer = _answerer(self.app)
        self._is_answering = False
        self._is_between = True
        self._read_anew()
        # The words of the exchange at hand, if they were one whole request that was answered at once.
        self._words: bytes | None = None

    def data_received(self, data: bytes) -> None:
        if self._words is not None and data == self._words and self._answered_again():
            return
        began_between = self._is_between
        self._read_anew()
        super().data_received(data)
        is_one = began_between and self._is_between and self._begun == 1
        self._words = bytes(data) if is_one and self._was_at_once else None

    def _read_anew(self) -> None:
        self._begun = 0
        self._was_at_once = False

    def _answered_again(self) -> bool:
        exchange: Any = self.cycle
        if self._answer is None or self.transport.is_closing():
            return False
        self._unset_keepalive_if_required()
        exchange.response_started = exchange.response_complete = False
        if self._answer(exchange):
            return True
        exchange.response_started = exchange.response_complete = True
        return False

    def on_message_begin(self) -> None:
        self._begun += 1
        self._is_between = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._is_between = True
        super().on_message_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        # One answer's end begins the next request of those that came together: inside of each other, they would go too deep.
        if self._answer is not None and not self._is_answering:
            self._is_answering = True
            try:
                if self._answer(cycle):
                    self._was_at_once = True
                    return
            finally:
                self._is_answering = False
        super()._start_asgi_task(cycle, app)


def _answerer(app: Any) -> Answerer | None:
    """Of the app itself; the server puts middlewares of its own around it."""
    while app is not None:
        if (found := getattr(app, "at_once", None)) is not None:
            return found  # type: ignore[no-any-return]
        app = getattr(app, "app", None)
    return None
