"""Signing in and out; without an identity provider, on one's own machine, by choosing who to be."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.gateway.context import Gateway
from services.gateway.dashboard import render
from services.gateway.dashboard.asking import Ask, answers
from services.gateway.dashboard.given import as_file
from services.gateway.dashboard.route import PageRoute
from services.gateway.dashboard.session import Flow, Session, check_csrf, check_form, cookies_of, csrf_token, local
from shared.auth import DevelopmentIssuer, Unauthenticated
from shared.kernel.errors import NotFound
from shared.web.routes import Router

router = Router(include_in_schema=False, route_class=PageRoute, dependencies=[Depends(as_file)])
_SEE_OTHER = 303
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")
_ROLE = re.compile(r"[a-z]+(:[A-Za-z0-9][A-Za-z0-9._-]{0,79}){0,2}")
_EVERYWHERE = {
    "omb": "OMB",
    "coordinator": "Coordinator (GSA)",
    "auditor": "Auditor",
}
_POSTS = {"sapoc": "senior accountable point of contact", "cio": "chief information officer", "head": "head", "member": "staff"}
Text = Annotated[str, Query(max_length=4_000)]


@router.get("/sign-in")
async def sign_in_page(request: Request, to: Text = "/") -> Response:
    gateway: Gateway = request.app.state.context
    flow = Flow.begun(to=to)
    if gateway.provider is not None:
        answer: Response = RedirectResponse(await gateway.provider.address(flow), _SEE_OTHER, {"Cache-Control": "no-store"})
    else:
        _development_issuer(gateway)
        answer = await _picker(request, flow, said=None)
    cookies_of(request).set(answer, flow)
    return answer


@router.get("/sign-in/callback")
async def callback(
    request: Request,
    code: Text = "",
    state: Text = "",
    error: Text = "",
    iss: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    """Where the provider sends the browser back to."""
    gateway: Gateway = request.app.state.context
    if gateway.provider is None:
        raise NotFound("Nobody signs in this way here.")
    flow = cookies_of(request).read(Flow, request.cookies)
    if flow is None:
        raise Unauthenticated("You did not begin to sign in here, or that was more than ten minutes ago. Sign in again.")
    if error or not code:
        raise Unauthenticated(f"The identity provider did not sign you in{f' ({error})' if error else ''}.")
    token = await gateway.provider.token(flow, code=code, state=state, issuer=iss)
    await gateway.verifier.principal(token)
    return _begun(request, token, to=flow.to)


@router.post("/sign-in")
async def sign_in_for_development(request: Request) -> Response:
    """As anybody, on a machine that is one's own."""
    issuer = _development_issuer(request.app.state.context)
    form = await request.form()
    flow = cookies_of(request).read(Flow, request.cookies)
    check_csrf(flow.id if flow else None, str(form.get("csrf", "")))
    assert flow is not None
    roles = [role for role in str(form.get("role", "")).split() + str(form.get("more", "")).split() if role]
    subject = str(form.get("subject", "")).strip()
    if not _SUBJECT.fullmatch(subject) or not roles or not all(_ROLE.fullmatch(role) for role in roles):
        return await _picker(request, flow, said="Give a name of letters and digits, and choose a role.")
    return _begun(request, issuer.token(subject=subject, roles=roles), to=flow.to)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    check_form(request, await request.form())
    answer = RedirectResponse("/", _SEE_OTHER)
    cookies_of(request).drop(answer, Session)
    return answer


@router.get("/me")
async def me_page(request: Request) -> Response:
    """Who one is here, and what that opens."""
    areas, agencies = await answers(request, _AREAS, _AGENCIES)
    return render.page("me.html", titles=_titles(areas), names=_names(agencies))


_AREAS = Ask(service="registry", path="/v1/focus-areas", params={"limit": 200})
_AGENCIES = Ask(service="registry", path="/v1/organizations", params={"limit": 200, "cfo_act": "true"})
_SEATS = Ask(service="registry", path="/v1/board-seats", params={"limit": 200})


def _development_issuer(gateway: Gateway) -> DevelopmentIssuer:
    if gateway.development_issuer is None or gateway.provider is not None:
        raise NotFound("Nobody signs in here: the operator has not named an identity provider.")
    return gateway.development_issuer


def _begun(request: Request, token: str, *, to: str) -> Response:
    """A new session, whatever was there before."""
    answer = RedirectResponse(local(to), _SEE_OTHER, {"Cache-Control": "no-store"})
    cookies = cookies_of(request)
    cookies.set(answer, Session.begun(token))
    cookies.drop(answer, Flow)
    return answer


async def _picker(request: Request, flow: Flow, *, said: str | None) -> Response:
    areas, agencies, seats = await answers(request, _AREAS, _AGENCIES, _SEATS)
    groups: list[tuple[str, dict[str, str]]] = [("Everywhere", _EVERYWHERE)]
    groups += [("Governance board: holder of the seat", {f"board:{seat}": title for seat, title in _titles(seats).items()})]
    groups += [("QSMO of", {f"qsmo:{slug}": title for slug, title in _titles(areas).items()})]
    groups += [("Standards of", {f"standards:{slug}": title for slug, title in _titles(areas).items()})]
    for post, label in _POSTS.items():
        groups.append((f"Agency: {label}", {f"agency:{code}:{post}": name for code, name in _names(agencies).items()}))
    status = 200 if said is None else 422
    return render.page("sign_in.html", status=status, groups=groups, form_csrf=csrf_token(flow.id), said=said)


def _titles(areas: Any) -> dict[str, str]:
    return {area["id"]: area["title"] for area in areas["items"]} if isinstance(areas, dict) else {}


def _names(agencies: Any) -> dict[str, str]:
    """CGAC code → name."""
    items: list[dict[str, Any]] = agencies["items"] if isinstance(agencies, dict) else []
    codes = {code["value"]: each["name"] for each in items for code in each["codes"] if code["scheme"] == "cgac"}
    return dict(sorted(codes.items(), key=lambda pair: pair[1]))
