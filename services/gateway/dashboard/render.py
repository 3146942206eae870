"""Templates and static files of the pages, with the headers that go with them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from fastapi import Response

if TYPE_CHECKING:
    from jinja2 import Environment

_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MEDIA_TYPES = {
    "style.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FOREVER = "public, max-age=31536000, immutable"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - 0.1 s that the start need not wait for

    environment = Environment(
        loader=PackageLoader("services.gateway.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    environment.filters["words"] = words
    environment.filters["exact"] = exact
    return environment


def page(template: str, *, status: int = 200, **values: Any) -> Response:
    body = _environment().get_template(template).render(**values)
    return Response(body, status, _HEADERS, "text/html; charset=utf-8")


@cache
def static_file(name: str) -> tuple[bytes, str] | None:
    """Content and media type, or None."""
    if name not in _MEDIA_TYPES:
        return None
    return resources.files(__package__).joinpath("static", name).read_bytes(), _MEDIA_TYPES[name]


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so browsers may keep it for good."""
    found = static_file(name)
    assert found is not None
    return f"/static/{name}?v={hashlib.blake2s(found[0], digest_size=6).hexdigest()}"


def static_response(name: str, *, version: str | None) -> Response | None:
    found = static_file(name)
    if found is None:
        return None
    lasting = _FOREVER if version and asset(name).endswith(f"={version}") else "no-cache"
    headers = {"Cache-Control": lasting, "X-Content-Type-Options": "nosniff"}
    return Response(found[0], headers=headers, media_type=found[1])


def words(text: str) -> str:
    """`pre_designated` as a person would say it."""
    return "pre-designated" if text == "pre_designated" else text.replace("_", " ")


def exact(at: str) -> str:
    """An instant in full, for people."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def ago(at: str, *, now: datetime) -> str:
    seconds = max(0, int((now - datetime.fromisoformat(at)).total_seconds()))
    if seconds < _MINUTE_S:
        return "just now"
    if seconds < _HOUR_S:
        return _units(seconds // _MINUTE_S, "minute")
    return _units(seconds // _HOUR_S, "hour") if seconds < _DAY_S else _units(seconds // _DAY_S, "day")


def _units(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'} ago"
