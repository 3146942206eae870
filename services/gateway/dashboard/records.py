"""Anything that the API shows, as a page with what can be done: for what has no page of its own."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Path, Query, Request, Response

from services.gateway.context import Gateway
from services.gateway.dashboard import forms, render
from services.gateway.dashboard.asking import Ask, Away, answers
from services.gateway.dashboard.given import as_file
from services.gateway.dashboard.naming import linked, names_in
from services.gateway.dashboard.route import PageRoute
from services.gateway.dashboard.session import local
from services.gateway.proxy import owner_of
from shared.kernel.errors import NotFound, Unavailable
from shared.web.routes import Router

router = Router(include_in_schema=False, route_class=PageRoute, dependencies=[Depends(as_file)])
Text = Annotated[str, Query(max_length=1_000)]
_APART = frozenset({"_actions", "id", "version", "missing"})
_BLANK: tuple[Any, ...] = (None, "", [], {})
_ONE = {
    "iaps": "Investment action plan",
    "slas": "Service level",
    "policies": "Policy",
    "plans": "Implementation plan",
    "feedback": "Feedback",
}
_TITLES = ("name", "title", "number", "measure_id", "text")


async def _chosen(
    *,
    agency_id: Text = "",
    adoption_id: Text = "",
    offering_id: Text = "",
    area: Text = "",
    phase: Text = "",
    status: Text = "",
    cursor: Text = "",
) -> dict[str, str]:
    return {name: value for name, value in locals().items() if value}


@router.get("/records/{rest:path}")
async def record_page(
    request: Request,
    rest: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*(/[A-Za-z0-9][A-Za-z0-9._:-]*)*$", max_length=300)],
    chosen: Annotated[dict[str, str], Depends(_chosen)],
    to: Text = "",
) -> Response:
    path = f"/v1/{rest}"
    service = owner_of(path)
    if service is None:
        raise NotFound("There is nothing at this address.")
    (found,) = await answers(request, Ask(service=service, path=path, params=chosen or None, required=True))
    if isinstance(found, Away):
        raise Unavailable(f"The {service} service does not answer: {found.detail}.")
    if not isinstance(found, dict):
        raise NotFound("There is nothing at this address that can be shown.")
    gateway: Gateway = request.app.state.context
    told = linked(found, await names_in(gateway, found))
    following = found.get("next_cursor")
    return render.page(
        "record.html",
        found=told,
        title=_title(found, rest),
        label=forms.label_of,
        given=[(key, value) for key, value in told.items() if key not in _APART and value not in _BLANK],
        blank=[key for key, value in found.items() if key not in _APART and value in _BLANK],
        below=[] if "_actions" in found or _is_list(found) else await gateway.operations.below(path),
        following=f"{request.url.path}?" + urlencode({**chosen, "cursor": following}) if following else None,
        to=local(to) if to else "",
        here=f"/records/{rest}" + (f"?{urlencode({'to': to})}" if to else ""),
    )


def _is_list(found: dict[str, Any]) -> bool:
    return "items" in found and "id" not in found


def _title(found: dict[str, Any], rest: str) -> str:
    kind = rest.split("/", maxsplit=1)[0]
    if _is_list(found):
        return forms.label_of(kind.replace("-", " ")) if kind != "iaps" else "Investment action plans"
    named = next((str(found[name]) for name in _TITLES if isinstance(found.get(name), str | int) and found[name]), "")
    one = _ONE.get(kind) or forms.label_of(kind.replace("-", " ").removesuffix("s"))
    return f"{one}: {named}" if named else one
