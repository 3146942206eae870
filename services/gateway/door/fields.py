"""Fields of a request that is answered at the door, and of its answer."""

from __future__ import annotations

import re

from starlette.types import Scope

from shared.kernel.ids import request_id

Headers = list[tuple[bytes, bytes]]
REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")


def tags_and_name(scope: Scope) -> tuple[bytes, bytes]:
    """What the caller has already, as it was given, and the name of the request, or a new one."""
    tags = name = b""
    for given, value in scope["headers"]:
        if given == b"if-none-match":
            tags = value
        elif given == b"x-request-id":
            name = value
    return tags, name if REQUEST_ID.fullmatch(name) else request_id().encode()


def has_it(tags: bytes, tag: bytes) -> bool:
    return bool(tags) and bool(tag) and (tags == tag or tag in [one.strip() for one in tags.split(b",")])


def lines(fields: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % pair for pair in fields])


def as_fields(head: bytes) -> Headers:
    """Lines as ASGI has them."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in head.splitlines())]
