"""Reading a request's body, up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["BodyRefused", "read_body"]

_DRAINED = 4
"""A body of up to so many times the limit is read all the same: many clients read no reply before they have sent it."""


class BodyRefused(Exception):
    """A body that is not read; `reason` names the problem."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request.

    Raises BodyRefused when it is larger than `limit` bytes, or encoded, and ClientDisconnect when the caller has left.
    """
    if request.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise BodyRefused("unsupported-encoding", "send the JSON as it is, without Content-Encoding")
    too_large = BodyRefused("too-large", f"the limit is {limit:,} bytes; send fewer rows per request")
    announced = int(request.headers.get("content-length", 0))
    if announced > _DRAINED * limit or (announced > limit and "expect" in request.headers):
        raise too_large
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
        if size > _DRAINED * limit:
            break
    if size > limit:
        raise too_large
    return b"".join(parts)
