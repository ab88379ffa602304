"""Problem documents as the responses of FastAPI's routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from fasttrack.serving.problems import MEDIA_TYPE, body_problem, internal_error, problem_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.exceptions import HTTPException
    from starlette.requests import Request

__all__ = ["REPORTED", "body_refusal", "feedback_refusal", "http_problem", "internal_problem", "problem"]

REPORTED = "fasttrack.reported"


def problem(reason: str, status: int, title: str, detail: str) -> Response:
    """A problem document of type `urn:fasttrack:problem:<reason>`."""
    return Response(problem_document(reason, status, title, detail), status, media_type=MEDIA_TYPE)


def body_refusal(reason: str, detail: str) -> Response:
    """The reply to a body that was not read to its end."""
    status, content = body_problem(reason, detail)
    return Response(content, status, media_type=MEDIA_TYPE)


def feedback_refusal(status: int, reason: str, detail: str, errors: Sequence[dict[str, Any]] = ()) -> Response:
    """The reply to labels that are not accepted."""
    title = "The labels were not accepted"
    more = {"errors": errors} if errors else {}
    reply = Response(problem_document(reason, status, title, detail, **more), status, media_type=MEDIA_TYPE)
    if status == 503:
        reply.headers["retry-after"] = "60"
    return reply


async def http_problem(request: Request, error: HTTPException) -> Response:
    """404, 405 and other errors of routing, as problem documents."""
    phrase = HTTPStatus(error.status_code).phrase
    details = {
        404: "nothing is served at this path; /docs lists the paths",
        405: "this path does not take this method; /docs lists the methods",
    }
    reply = problem(phrase.lower().replace(" ", "-"), error.status_code, phrase, details.get(error.status_code, phrase))
    reply.headers.update(error.headers or {})
    if error.status_code == 405:  # Starlette names the methods of one route; a path may have several
        routes = [route for route in request.app.routes if getattr(route, "path", None) == request.url.path]
        reply.headers["allow"] = ", ".join(sorted({method for route in routes for method in route.methods or ()}))
    return reply


async def internal_problem(request: Request, error: Exception) -> Response:
    """As `internal_error`, as a response of FastAPI. The scope says under REPORTED that the error was logged."""
    request.scope[REPORTED] = True
    status, document = internal_error(request.method, request.url.path, error)
    return Response(document, status, media_type=MEDIA_TYPE)
