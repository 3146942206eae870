"""Routers whose routes are made when they are first asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import get_name


class LateRoute(APIRoute):
    """Until somebody asks for more than where it leads, FastAPI has not looked at it.

    To look takes a millisecond a route: a sixth of the start of a service with 140 of them. What is wrong with a declaration is
    found by whoever makes the document of the API.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._late = (path, endpoint, options)
        self.path, self.endpoint = path, endpoint
        self.name = options.get("name") or get_name(endpoint)
        self.methods = {method.upper() for method in options.get("methods") or ("GET",)}

    def __getattr__(self, name: str) -> Any:
        """Only for what is not there: everything else, the first time."""
        if (late := self.__dict__.pop("_late", None)) is None:
            raise AttributeError(name)
        path, endpoint, options = late
        try:
            super().__init__(path, endpoint, **options)
        except BaseException:
            self._late = late  # to be refused in the same words again
            raise
        return getattr(self, name)


class Router(APIRouter):
    """FastAPI's, with late routes."""

    def __init__(self, *, route_class: type[APIRoute] = LateRoute, **options: Any) -> None:
        super().__init__(route_class=route_class, **options)
