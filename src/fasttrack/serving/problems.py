"""Errors as RFC 9457 problem documents. None carries a value that the caller sent, or a traceback."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from fasttrack.contract.decode import MAX_LISTED, RefusedRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.exceptions import HTTPException
    from starlette.requests import Request

__all__ = [
    "PROBLEM_SCHEMA",
    "body_refusal",
    "fault",
    "feedback_refusal",
    "http_problem",
    "problem",
    "refusal",
    "unexpected",
]

_log = logging.getLogger("fasttrack")

_MEDIA_TYPE = "application/problem+json"
_REASONS = {
    "malformed": (400, "The body is not valid JSON"),
    "invalid": (422, "Some values cannot be scored"),
    "too-many-rows": (422, "Too many rows"),
    "too-large": (413, "The body is too large"),
    "unsupported-encoding": (415, "The body is encoded"),
}

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem document.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": f"Each bad row and column; at most {MAX_LISTED}.",
            "items": {"$ref": "#/components/schemas/CellIssue"},
        },
        "errors_total": {"type": "integer", "description": "How many there are in all."},
    },
    "required": ["type", "title", "status", "detail"],
}


def problem(reason: str, status: int, title: str, detail: str) -> Response:
    """A problem document of type `urn:fasttrack:problem:<reason>`."""
    return Response(_document(reason, status, title, detail), status, media_type=_MEDIA_TYPE)


def refusal(refused: RefusedRequest) -> tuple[int, bytes]:
    """The status and the problem document for a request that cannot be scored."""
    status, title = _REASONS[refused.reason]
    more = {"errors": refused.issues, "errors_total": refused.total} if refused.issues else {}
    return status, _document(refused.reason, status, title, refused.detail, **more)


def body_refusal(reason: str, detail: str) -> Response:
    """The reply to a body that was not read to its end."""
    status, title = _REASONS[reason]
    return problem(reason, status, title, detail)


def feedback_refusal(status: int, reason: str, detail: str, errors: Sequence[dict[str, Any]] = ()) -> Response:
    """The reply to labels that cannot be taken."""
    title = "The labels cannot be taken"
    more = {"errors": errors} if errors else {}
    reply = Response(_document(reason, status, title, detail, **more), status, media_type=_MEDIA_TYPE)
    if status == 503:
        reply.headers["retry-after"] = "60"
    return reply


def _document(reason: str, status: int, title: str, detail: str, **more: Any) -> bytes:
    kind = f"urn:fasttrack:problem:{reason}"
    return msgspec.json.encode({"type": kind, "title": title, "status": status, "detail": detail, **more})


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
    return Response(document, status, media_type=_MEDIA_TYPE)


def fault(method: str, path: str, error: Exception) -> tuple[int, bytes]:
    """A fault of the server, logged whole and told in one sentence: status and problem document."""
    _log.error("%s %s failed", method, path, exc_info=error)
    return 500, _document("internal", 500, "Internal Server Error", "the server failed; its log says why")
