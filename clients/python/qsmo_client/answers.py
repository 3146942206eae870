"""What the gateway answers, as Python has it."""

from __future__ import annotations

from typing import Any

import httpx


class Resource(dict[str, Any]):
    """A JSON object and the tag of its version: a change sends the tag along, so that it never overwrites what was not read."""

    etag: str | None = None
    location: str | None = None
    replayed: bool = False
    """Whether this is the answer to an earlier attempt of the same write."""


def resource_of(response: httpx.Response) -> Resource:
    """`response` has been read."""
    found = Resource(response.json() if response.content else {})
    found.etag = response.headers.get("etag")
    found.location = response.headers.get("location")
    found.replayed = response.headers.get("idempotency-replayed") == "true"
    return found


def href_of(resource: Resource, action: str) -> str:
    """Where an action of a representation is asked for. Raises ValueError when this caller has no such action."""
    actions = {str(found["action"]): str(found["href"]) for found in resource.get("_actions", [])}
    if action not in actions:
        raise ValueError(f"There is no action {action!r} here; there are: {', '.join(sorted(actions)) or 'none'}.")
    return actions[action]
