"""Errors as RFC 9457 problem documents. None carries a value that the caller sent, or a traceback."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from fasttrack.contract.decode import MAX_LISTED, RefusedRequest
from fasttrack.errors import stack_without_messages
from fasttrack.serving.paths import METHODS, PATHS

__all__ = [
    "MEDIA_TYPE",
    "PROBLEM_SCHEMA",
    "body_problem",
    "internal_error",
    "problem_document",
    "refusal_problem",
]

_log = logging.getLogger("fasttrack")

MEDIA_TYPE = "application/problem+json"
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
        "errors_total": {"type": "integer", "description": "The number of bad cells, listed or not."},
    },
    "required": ["type", "title", "status", "detail"],
}


def problem_document(reason: str, status: int, title: str, detail: str, **more: Any) -> bytes:
    """A problem document of type `urn:fasttrack:problem:<reason>`, with `more` members."""
    kind = f"urn:fasttrack:problem:{reason}"
    return msgspec.json.encode({"type": kind, "title": title, "status": status, "detail": detail, **more})


def refusal_problem(refused: RefusedRequest) -> tuple[int, bytes]:
    """The status and the problem document for a request that cannot be scored."""
    status, title = _REASONS[refused.reason]
    more = {"errors": refused.issues, "errors_total": refused.total} if refused.issues else {}
    return status, problem_document(refused.reason, status, title, refused.detail, **more)


def body_problem(reason: str, detail: str) -> tuple[int, bytes]:
    """The status and the problem document for a body that was not read to its end."""
    status, title = _REASONS[reason]
    return status, problem_document(reason, status, title, detail)


def internal_error(method: str, path: str, error: Exception) -> tuple[int, bytes]:
    """The status and the problem document for a failure of the server, which is logged with its stack.

    The message of an error may quote a value of the request, so it is not logged.
    """
    what = f"{method} {path}" if method in METHODS and path in PATHS else "a request of an unknown path"
    _log.error("%s failed:\n%s", what, stack_without_messages(error))
    return 500, problem_document("internal", 500, "Internal Server Error", "the server failed; its log says why")
