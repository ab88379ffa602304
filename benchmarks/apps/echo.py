"""The upper limit: an ASGI app without a framework that reads the body and sends a constant reply."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["REPLY_BYTES", "app"]

REPLY_BYTES = "BENCHMARK_REPLY_BYTES"
"""Environment variable: the length of the reply in bytes."""

_REPLY = b'"' + b"x" * (int(os.environ.get(REPLY_BYTES, "60")) - 2) + b'"'
_HEADERS = [(b"content-length", b"%d" % len(_REPLY)), (b"content-type", b"application/json")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reply to any HTTP request."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _REPLY})
