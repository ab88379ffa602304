"""Problem documents as the responses of FastAPI's routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from fasttrack.serving.problems import MEDIA_TYPE, document, fault, rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.exceptions import HTTPException
    from starlette.requests import Request

__all__ = ["body_refusal", "feedback_refusal", "http_problem", "problem", "unexpected"]


def problem(reason: str, status: int, title: str, detail: str) -> Response:
    """A problem document of type `urn:fasttrack:problem:<reason>`."""
    return Response(document(reason, status, title, detail), status, media_type=MEDIA_TYPE)


def body_refusal(reason: str, detail: str) -> Response:
    """The reply to a body that was not read to its end."""
    status, content = rejection(reason, detail)
    return Response(content, status, media_type=MEDIA_TYPE)


def feedback_refusal(status: int, reason: str, detail: str, errors: Sequence[dict[str, Any]] = ()) -> Response:
    """The reply to labels that cannot be taken."""
    title = "The labels cannot be taken"
    more = {"errors": errors} if errors else {}
    reply = Response(document(reason, status, title, detail, **more), status, media_type=MEDIA_TYPE)
    if status == 503:
        reply.headers["retry-after"] = "60"
    return reply


async def http_problem(request: Request, error: HTTPException) -> Response:
    """404, 405 and their like, as problem documents."""
    phrase = HTTPStatus(error.status_code).phrase
    details = {
        404: "there is nothing at this path; /docs lists what there is",
        405: f"{request.method} is not offered at this path; /docs lists what is",
    }
    reply = problem(phrase.lower().replace(" ", "-"), error.status_code, phrase, details.get(error.status_code, phrase))
    reply.headers.update(error.headers or {})
    if error.status_code == 405:  # Starlette names the methods of one route; a path may have several
        here = [route for route in request.app.routes if getattr(route, "path", None) == request.url.path]
        reply.headers["allow"] = ", ".join(sorted({method for route in here for method in route.methods or ()}))
    return reply


async def unexpected(request: Request, error: Exception) -> Response:
    """As `fault`, for what FastAPI answers."""
    status, document = fault(request.method, request.url.path, error)
    return Response(document, status, media_type=MEDIA_TYPE)
