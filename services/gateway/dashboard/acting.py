"""One form for every action of the API: what it takes, what stands in its way, and the answer in words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import orjson
from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.gateway.clients import Answer, UpstreamAway
from services.gateway.context import Gateway
from services.gateway.dashboard import forms, render
from services.gateway.dashboard.asking import Ask, answers
from services.gateway.dashboard.operations import Operation
from services.gateway.dashboard.picking import picked
from services.gateway.dashboard.route import PageRoute
from services.gateway.dashboard.session import check_form, local
from services.gateway.dashboard.visitor import VISITOR
from shared.kernel.ids import new_id
from shared.web.routes import Router

router = Router(include_in_schema=False, route_class=PageRoute)
_SEE_OTHER = 303
_STALE = 412
_OWN = frozenset({"csrf", "path", "to", "key", "version", "more", "fixed"})
Text = Annotated[str, Query(max_length=1_000)]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why it was not done. `missing`: what has to happen first; `faults`: of what no field of the form holds."""

    title: str
    detail: str
    missing: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """A form on its way: `filled` by field name. `to`: where to go when it is done; `{id}` there is what was made."""

    operation: Operation
    to: str
    key: str
    version: str
    filled: Mapping[str, str]
    fixed: frozenset[str] = frozenset()
    value: Any = None
    about: str = ""
    fields: tuple[forms.Field, ...] = ()


@router.get("/act")
async def form_page(
    request: Request, path: Text, to: Text = "/", chosen: Annotated[list[Text] | None, Query(max_length=20)] = None
) -> Response:
    """`chosen`: `name:value` of what is decided already."""
    if VISITOR.get().subject is None:
        here = f"{request.url.path}?{request.url.query}"
        return RedirectResponse("/sign-in?" + urlencode({"to": here}), _SEE_OTHER)
    gateway: Gateway = request.app.state.context
    operation = await gateway.operations.find(path)
    given = {name: value for name, _, value in (pair.partition(":") for pair in chosen or ())}
    filling = Filling(operation=operation, to=local(to), key=new_id(), version="", filled=given, fixed=frozenset(given))
    return await _shown(request, await _with_current(request, filling))


async def _with_current(request: Request, filling: Filling) -> Filling:
    """With the version and the values of what is changed, as they are now."""
    operation = filling.operation
    if operation.read is None:
        return replace(filling, value=_nested(filling.filled))
    (found,) = await answers(request, Ask(service=operation.service, path=operation.read, required=operation.needs_version))
    if not isinstance(found, dict):
        return replace(filling, value=_nested(filling.filled))
    same = operation.method == "PUT" and operation.read == operation.path
    value = {**(_as_given(found) if same else {}), **_nested(filling.filled)}
    return replace(filling, version=str(found.get("version", "")), value=value, about=_named(found))


def _as_given(found: Json) -> Json:
    """Readiness is shown as a list and given by dimension."""
    if isinstance(found.get("standings"), list):
        standings = {each["dimension"]: each for each in found["standings"]}
        return {**found, "standings": standings}
    return found


def _named(found: Json) -> str:
    said = next((found[name] for name in ("name", "title", "offering_name", "number") if found.get(name)), "")
    return f"Number {said}" if isinstance(said, int) else str(said)


def _nested(filled: Mapping[str, str]) -> Json:
    """Names without slashes only: links choose nothing deeper."""
    return {name: value for name, value in filled.items() if "/" not in name}


@router.post("/act")
async def act(request: Request) -> Response:
    form = await request.form(max_fields=20_000)
    check_form(request, form)
    given = _given(form)
    gateway: Gateway = request.app.state.context
    operation = await gateway.operations.find(given.get("path", ""))
    filling = Filling(
        operation=operation,
        to=local(given.get("to", "/")),
        key=given.get("key", ""),
        version=given.get("version", ""),
        filled={name: value for name, value in given.items() if name not in _OWN},
        fixed=frozenset(given.get("fixed", "").split()),
    )
    filling = replace(filling, value=_body(filling))
    if "more" in given:
        return await _shown(request, filling)
    try:
        answer = await _sent(request, filling)
    except UpstreamAway as away:
        # The same key again: whether it was done is not known, and it must not be done twice.
        refusal = Refusal(title="Not done, or not known", detail=f"{away.detail} Send it again.")
        return await _shown(request, filling, refusal, status=503)
    if answer.is_success:
        return RedirectResponse(_after(filling, answer), _SEE_OTHER)
    return await _refused(request, filling, answer)


def _given(form: FormData) -> dict[str, str]:
    """What is ticked several times is a line each."""
    found: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found[name] = f"{found[name]}\n{value}" if name in found else value
    return found


def _body(filling: Filling) -> Any:
    operation = filling.operation
    return {} if operation.schema is None else forms.body_of(operation.schema, operation.schemas, filling.filled)


async def _sent(request: Request, filling: Filling) -> Answer:
    """As the person, with the person's own token: the service decides."""
    operation = filling.operation
    headers = [(b"content-type", b"application/json"), (b"idempotency-key", filling.key.encode())]
    if operation.method == "PUT":
        headers.pop()
    # What is put anew says of which version, also where only the first needs none.
    if (operation.needs_version or operation.method == "PUT") and filling.version.isdigit():
        headers.append((b"if-match", f'"{filling.version}"'.encode()))
    body = orjson.dumps(filling.value) if operation.schema is not None else b""
    gateway: Gateway = request.app.state.context
    return await gateway.upstreams[operation.service].call(
        operation.method,
        operation.path,
        authorization=request.headers.get("authorization"),
        headers=headers,
        body=_once(body) if body else None,
    )


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _after(filling: Filling, answer: Answer) -> str:
    made = answer.json() if answer.body else {}
    id = str(made.get("id", "")) if isinstance(made, dict) else ""
    to = filling.to.replace("{id}", quote(id, safe=""))
    path, _, fragment = to.partition("#")
    done = filling.operation.title.lower().replace(" ", "-")
    return path + ("&" if "?" in path else "?") + urlencode({"done": done}) + (f"#{fragment}" if fragment else "")


async def _refused(request: Request, filling: Filling, answer: Answer) -> Response:
    problem: Json = answer.json()
    fields = _fields(filling)
    names = frozenset(forms.names_of(fields))
    errors: dict[str, list[str]] = {}
    others = []
    for fault in problem.get("errors", ()):
        name = str(fault["pointer"]).removeprefix("/")
        at = next((n for n in _upwards(name) if n in names), None)
        if at is None:
            others.append(f"{forms.label_of(name.rpartition('/')[2])}: {fault['detail']}" if name else str(fault["detail"]))
        else:
            errors.setdefault(at, []).append(str(fault["detail"]))
    refusal = Refusal(
        title=problem.get("title", "Not done"),
        detail=problem.get("detail", ""),
        missing=tuple(problem.get("missing", ())),
        faults=tuple(others),
    )
    # What was refused left nothing behind under its key; other content needs another.
    filling = replace(filling, key=new_id(), fields=forms.with_errors(fields, errors))
    if answer.status == _STALE:
        current = await _with_current(request, filling)
        filling = replace(filling, version=current.version)
        refusal = replace(
            refusal, detail="Somebody changed this since you saw it. Look at it again; send it if you still want to."
        )
    return await _shown(request, filling, refusal, status=answer.status if answer.status < 500 else 503)


def _upwards(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition("/")[0]


def _fields(filling: Filling) -> tuple[forms.Field, ...]:
    operation = filling.operation
    if operation.schema is None:
        return ()
    return forms.fixing(forms.fields_of(operation.schema, operation.schemas, value=filling.value), filling.fixed)


async def _shown(request: Request, filling: Filling, refusal: Refusal | None = None, *, status: int = 200) -> Response:
    fields = await picked(request, filling.fields or _fields(filling))
    return render.page("act.html", status=status, filling=filling, fields=fields, refusal=refusal)
