"""What FastAPI does between a request and its endpoint, prepared for each route, as long as nothing is wrong with the request.

FastAPI looks at every parameter that a route declares, given or not, through a dozen functions: for a list with eight filters
that took as long as its rows. Here only what is given is looked at, by FastAPI's own validators. Whatever is not valid, missing
or unusual goes FastAPI's own way, from the beginning, and is refused there.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from inspect import iscoroutinefunction
from types import UnionType
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from pydantic import AwareDatetime
from starlette.types import Message, Receive, Send

_Call = Callable[..., Coroutine[Any, Any, Any]]
_IMMUTABLE = (str, int, float, bool, date, datetime, Decimal, Enum, type(None))
_MISSING = object()
_JSON = "application/json"


class _Unusual(Exception):
    """FastAPI is to see to this request, or route."""


@dataclass(frozen=True, slots=True)
class _Given:
    """A parameter: under which name it comes, what checks it, and what it is otherwise."""

    name: str
    alias: str
    validate: Callable[..., tuple[Any, Any]]
    default: Any
    is_list: bool

    @classmethod
    def of(cls, field: Any) -> _Given:
        info = field.field_info
        default = _MISSING if info.is_required() else field.get_default()
        if default is not _MISSING and (info.validate_default or not isinstance(default, _IMMUTABLE)):
            raise _Unusual
        is_list = _is_list(info.annotation)
        if not (is_list or _is_scalar(info.annotation)):
            raise _Unusual
        return cls(field.name, field.alias, field.validate, default, is_list)

    def among(self, given: Mapping[str, Any]) -> Any:
        value = given.get(self.alias)
        if value is None:
            if self.default is _MISSING:
                raise _Unusual
            return self.default
        if self.is_list:
            raise _Unusual
        return _valid(self.validate, value)


@dataclass(frozen=True, slots=True)
class _Step:
    """A call, with the positions of the earlier calls whose results it takes."""

    call: _Call
    request: str | None
    path: tuple[_Given, ...]
    query: tuple[_Given, ...]
    headers: tuple[_Given, ...]
    taken: tuple[tuple[str, int], ...]

    def arguments(self, request: Request) -> dict[str, Any]:
        """Of those that come with the request. Raises _Unusual."""
        found = {each.name: each.among(request.path_params) for each in self.path}
        if self.query:
            given = request.query_params if request.scope["query_string"] else {}
            found.update({each.name: each.among(given) for each in self.query})
        if self.headers:
            found.update({each.name: each.among(request.headers) for each in self.headers})
        if self.request is not None:
            found[self.request] = request
        return found


@dataclass(frozen=True, slots=True)
class ShortWay:
    """To an endpoint that answers with a Response; `body` is the parameter that the request's JSON becomes."""

    steps: tuple[_Step, ...]
    body: tuple[str, Callable[..., tuple[Any, Any]]] | None

    @classmethod
    def to(cls, dependant: Dependant | None, body_field: Any, *, embeds_body: bool) -> ShortWay | None:
        """None for a route that needs more of FastAPI."""
        if dependant is None or not _answers_itself(dependant.call) or (body_field is not None and embeds_body):
            return None
        try:
            steps: list[_Step] = []
            _flattened(dependant, steps, body_at=dependant)
            body = None if body_field is None else _body(dependant, body_field)
        except _Unusual:
            return None
        return cls(tuple(steps), body)

    async def go(self, request: Request, send: Send) -> Receive | None:
        """None when it was answered; else with what the request is to be read from FastAPI's way."""
        try:
            arguments = [step.arguments(request) for step in self.steps]
            if self.body is not None:
                arguments[-1][self.body[0]] = await _content(request, self.body[1])
        except _Unusual:
            return _again(request) if hasattr(request, "_body") else request.receive
        results: list[Any] = []
        for step, given in zip(self.steps, arguments, strict=True):
            for name, position in step.taken:
                given[name] = results[position]
            results.append(await step.call(**given))
        response: Response = results[-1]
        await response(request.scope, request.receive, send)
        return None


def _flattened(dependant: Dependant, steps: list[_Step], *, body_at: Dependant) -> int:
    """Adds the call and those that it depends on before it; what is there already is called once. Raises _Unusual."""
    unusual = (
        dependant.cookie_params,
        dependant.body_params if dependant is not body_at else (),
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
        dependant.own_oauth_scopes,
        dependant.concurrency,
        not dependant.use_cache,
    )
    call = dependant.call
    if any(unusual) or call is None or not iscoroutinefunction(call):
        raise _Unusual
    taken = [(inner.name, _flattened(inner, steps, body_at=body_at)) for inner in dependant.dependencies]
    known = next((n for n, step in enumerate(steps) if step.call is call), None)
    if known is not None:
        return known
    given = (dependant.path_params, dependant.query_params, dependant.header_params)
    path, query, headers = (tuple(map(_Given.of, fields)) for fields in given)
    named = tuple((name, position) for name, position in taken if name is not None)
    steps.append(_Step(call, dependant.request_param_name, path, query, headers, named))
    return len(steps) - 1


def _answers_itself(call: Any) -> bool:
    try:
        return typing.get_type_hints(call).get("return") is Response
    except (NameError, TypeError):
        return False


def _is_list(annotation: Any) -> bool:
    """Of values that are each given by themselves; who gives one goes FastAPI's way."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _is_list(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, UnionType):
        return all(each is type(None) or _is_list(each) for each in typing.get_args(annotation))
    return typing.get_origin(annotation) is list


def _is_scalar(annotation: Any) -> bool:
    """One value and no list, model or JSON text."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _is_scalar(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, UnionType):
        return all(map(_is_scalar, typing.get_args(annotation)))
    return annotation is AwareDatetime or (isinstance(annotation, type) and issubclass(annotation, _IMMUTABLE))


def _body(dependant: Dependant, field: Any) -> tuple[str, Callable[..., tuple[Any, Any]]]:
    if len(dependant.body_params) != 1 or type(field.field_info).__name__ != "Body" or not field.field_info.is_required():
        raise _Unusual
    return dependant.body_params[0].name, field.validate


async def _content(request: Request, validate: Callable[..., tuple[Any, Any]]) -> Any:
    if request.headers.get("content-type") != _JSON or not await request.body():
        raise _Unusual
    try:
        found = await request.json()
    except (ValueError, RecursionError) as error:
        raise _Unusual from error
    return _valid(validate, found)


def _valid(validate: Callable[..., tuple[Any, Any]], value: Any) -> Any:
    found, errors = validate(value, {}, loc=())
    if errors:
        raise _Unusual
    return found


def _again(request: Request) -> Receive:
    """The body that was read, for whoever reads it anew."""
    is_told = False

    async def receive() -> Message:
        nonlocal is_told
        if is_told:
            return await request.receive()
        is_told = True
        return {"type": "http.request", "body": request._body, "more_body": False}  # noqa: SLF001 - Starlette keeps it there

    return receive
