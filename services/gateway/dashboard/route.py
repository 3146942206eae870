"""A route whose refusals are pages too."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from services.gateway.dashboard import render
from services.gateway.dashboard.taken import taken
from shared.auth import Unauthenticated
from shared.kernel.errors import Forbidden, Invalid, NotFound, Unavailable
from shared.web.routes import LateRoute

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(LateRoute):
    """What is not there, or cannot be asked, is said in a page that leads on."""

    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return _as_asked(request, await answer(request))
            except NotFound as error:
                return render.page("refused.html", status=404, title="Not here", detail=error.detail)
            except Invalid as error:
                return render.page("refused.html", status=422, title="This cannot be asked", detail=error.detail)
            except (Forbidden, Unauthenticated) as error:
                return render.page("refused.html", status=403, title="This is not for everybody", detail=str(error))
            except Unavailable as error:
                return render.page("refused.html", status=503, title="Not now", detail=error.detail)
            except RequestValidationError as error:
                said = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
                return render.page("refused.html", status=422, title="This cannot be asked", detail=said)

        return page


def _as_asked(request: Request, found: Response) -> Response:
    """The page, or a table of it as a file where the page itself knows of none. Raises NotFound."""
    name = request.query_params.get("file")
    is_page = found.status_code == HTTPStatus.OK and (found.media_type or "").startswith("text/html")
    return taken(found, name) if name is not None and is_page else found
