from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.types import Receive, Scope, Send

from services.gateway.http1 import Broken
from services.gateway.in_process import InProcess


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it got, in pieces."""
    body = b""
    while (message := await receive()).get("more_body", False):
        body += message["body"]
    match scope["path"]:
        case "/at-once":
            raise ValueError("before an answer")
        case "/midway":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise ValueError("in the middle")
    told = [scope["method"].encode(), scope["path"].encode(), scope["raw_path"], scope["query_string"], body]
    await send({"type": "http.response.start", "status": 201, "headers": scope["headers"]})
    for part in told:
        await send({"type": "http.response.body", "body": part + b"|", "more_body": True})
    await send({"type": "http.response.body"})
    assert (await receive())["type"] == "http.disconnect"


async def chunks(*given: bytes) -> AsyncIterator[bytes]:
    for chunk in given:
        yield chunk


async def test_a_service_is_asked_as_over_http() -> None:
    service = InProcess(echo, name="registry")
    answer = await service.open("POST", b"/a%20b/%C3%A9?q=%20", headers=[(b"X-Given", b"1")], body=chunks(b"one", b"two"))

    assert answer.status == 201
    assert answer.headers == [(b"host", b"registry"), (b"x-given", b"1")]
    assert await answer.part() == "POST|/a b/é|/a%20b/%C3%A9|q=%20|onetwo|".encode()
    assert answer.is_over
    assert await answer.part() is None


async def test_an_answer_to_head_has_no_body() -> None:
    answer = await InProcess(echo, name="registry").open("HEAD", b"/a", headers=[], body=None)

    assert (answer.status, answer.is_over, await answer.part()) == (201, True, None)


async def test_a_fault_is_500_and_one_in_the_middle_no_answer() -> None:
    service = InProcess(echo, name="registry")

    assert (await service.open("GET", b"/at-once", headers=[], body=None)).status == 500
    with pytest.raises(Broken):
        await service.open("GET", b"/midway", headers=[], body=None)
