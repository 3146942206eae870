"""Finds the route of a request by the first words of its path, instead of asking every route, and what may be asked there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from re import Pattern
from typing import Any

from fastapi import APIRouter, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.convertors import Convertor
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route, compile_path
from starlette.types import Receive, Scope, Send

from shared.web.short_way import ShortWay

_Words = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Way:
    """A route as its router includes it; what it takes to go there is made when somebody does."""

    path: str
    methods: frozenset[str] | None
    route: BaseRoute
    endpoint: Any
    included: Any

    @classmethod
    def to(cls, found: RouteContext) -> Way:
        assert found.path is not None
        methods = None if found.methods is None else frozenset(found.methods)
        included = found._route_context  # noqa: SLF001 - it has no public name; ADR 96
        return cls(found.path, methods, found.original_route, found.endpoint, included)

    @cached_property
    def _template(self) -> tuple[Pattern[str], dict[str, Convertor[Any]]]:
        pattern, _, convertors = compile_path(self.path)
        return pattern, convertors

    @cached_property
    def short(self) -> ShortWay | None:
        return _short_way(self.included or self.route) if _is_handled_by_fastapi(self.route) else None

    @cached_property
    def declared(self) -> frozenset[str] | None:
        return _declared(getattr(self.included or self.route, "dependant", None))

    def fits(self, path: str) -> bool:
        return self._template[0].match(path) is not None

    def leads(self, scope: Scope) -> bool:
        """Whether this is the request's way; the scope says so then."""
        if self.methods is not None and scope["method"] not in self.methods:
            return False
        pattern, convertors = self._template
        if (match := pattern.match(scope["path"])) is None:
            return False
        named = {name: convertors[name].convert(value) for name, value in match.groupdict().items()}
        scope["path_params"] = {**scope.get("path_params", {}), **named}
        scope["endpoint"], scope["route"] = self.endpoint, self.route
        if self.included is not None:
            # FastAPI's own name for it: how a route is told which of its inclusions was asked for.
            scope.setdefault("fastapi", {})["effective_route_context"] = self.included
        return True

    def refuse_undeclared(self, request: Request) -> None:
        """A misspelt filter must not silently widen a list. 400 names the parameters there are."""
        if self.declared is None or not request.scope["query_string"]:
            return
        if unknown := sorted(set(request.query_params) - self.declared):
            raise HTTPException(400, f"Unknown query parameter {unknown[0]!r}; there are: {', '.join(sorted(self.declared))}.")


class Signpost:
    """In front of a router that includes others. What no route wants as it stands is left to the router: 404, 405 and the rest.

    FastAPI tries the routes one after the other, and those of an included router twice, at 2 µs each.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._ways: dict[_Words, tuple[Way, ...]] = {}
        self._known = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope.get("root_path") and (way := self.find(scope)) is not None:
            scope.setdefault("router", self._router)
            request = Request(scope, receive, send)
            way.refuse_undeclared(request)
            left = receive if way.short is None else await way.short.go(request, send)
            if left is not None:
                await way.route.handle(scope, left, send)
            return
        await self._router.app(scope, receive, send)

    def find(self, scope: Scope) -> Way | None:
        """The scope says what was found, as the router would have it."""
        return next((way for way in self._towards(scope["path"]) if way.leads(scope)), None)

    def methods_at(self, path: str) -> frozenset[str]:
        """Of the ways with the most specific template that fits."""
        fitting = [way for way in self._towards(path) if way.fits(path)]
        template = min((way.path for way in fitting), key=lambda template: template.count("{"), default="")
        return frozenset().union(*(way.methods or () for way in fitting if way.path == template))

    def _towards(self, path: str) -> tuple[Way, ...]:
        if len(self._router.routes) != self._known:  # they may come one by one
            self._known = len(self._router.routes)
            self._ways = _by_words([Way.to(found) for found in iter_route_contexts(self._router.routes) if _is_plain(found)])
        words = _words(path)
        return self._ways.get(words) or self._ways.get(words[:1], ())


def _declared(dependant: Dependant | None) -> frozenset[str] | None:
    return None if dependant is None else frozenset({*_query_names(dependant), "validate_only"})


def _query_names(dependant: Dependant) -> list[str]:
    own = [field.alias for field in dependant.query_params]
    return own + [name for inner in dependant.dependencies for name in _query_names(inner)]


def _short_way(included: Any) -> ShortWay | None:
    dependant, body = getattr(included, "dependant", None), getattr(included, "body_field", None)
    return ShortWay.to(dependant, body, embeds_body=getattr(included, "_embed_body_fields", False))


def _is_handled_by_fastapi(route: BaseRoute) -> bool:
    """A route class with a handler of its own, as that of the pages, sees to more than the endpoint."""
    return getattr(type(route), "get_route_handler", None) is APIRoute.get_route_handler


def _is_plain(found: RouteContext) -> bool:
    """What is mounted answers for paths that it does not name."""
    return isinstance(found.original_route, APIRoute | Route)


def _words(path: str) -> _Words:
    return tuple(path.split("/", 3)[1:3])


def _by_words(ways: list[Way]) -> dict[_Words, tuple[Way, ...]]:
    """The first one or two words of a path → all routes that may be meant, in order."""
    fixed = {way: _fixed(way.path) for way in ways}
    keys = {words for words in fixed.values() if words} | {words[:1] for words in fixed.values() if words}
    return {key: tuple(way for way in ways if all(a == b for a, b in zip(key, fixed[way], strict=False))) for key in keys}


def _fixed(path: str) -> _Words:
    found: list[str] = []
    for word in _words(path):
        if "{" in word:
            break
        found.append(word)
    return tuple(found)
