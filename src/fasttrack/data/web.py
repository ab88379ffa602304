"""A file on the web: fetched once, into a temporary file that is gone with the last who reads it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import weakref
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit, urlunsplit

from fasttrack.data.file import File
from fasttrack.data.files import is_table, part_of
from fasttrack.errors import DataError
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from fasttrack.data.part import Part
    from fasttrack.data.request import Request

__all__ = ["web_parts"]

_WAIT_SECONDS = 30
"""For the server to take the call, and between two pieces of the file."""
_ENDINGS = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/vnd.apache.parquet": ".parquet",
}
"""What a server says of a file whose address does not end as its format does."""


def web_parts(request: Request) -> list[Part]:
    """The file at an `https://` address. Raises DataError when it cannot be had, or is cut short."""
    name = redact_url(request.source)
    descriptor, written = tempfile.mkstemp(prefix="fasttrack-")
    path = Path(written)
    try:
        with os.fdopen(descriptor, "wb") as content:
            file = _fetch(request.source, name, content)
        part = part_of(File(name, file, lambda: path.open("rb"), lambda error: None), request)
    except BaseException:
        path.unlink()
        raise
    weakref.finalize(part, path.unlink, missing_ok=True)
    return [part]


def _fetch(source: str, name: str, content: BinaryIO) -> str:
    """Write the file to `content`; its name, whose ending says the format."""
    try:
        with urllib.request.urlopen(_asked(source), timeout=_WAIT_SECONDS) as reply:  # noqa: S310
            shutil.copyfileobj(reply, content)
            headers = reply.headers
    except urllib.error.HTTPError as error:
        with error:  # it holds the connection
            advice = "check the address" if error.code in (404, 410) else "check the address, and who may read it"
            raise DataError(f"{name} cannot be read: {error.code} {error.reason}; {advice}") from None
    except (http.client.InvalidURL, ValueError):  # whose message shows all of it
        raise DataError(f"{name} is no web address; write spaces and other signs as %20") from None
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"{name} cannot be read: {_reason(error)}; check the address and the network") from None
    promised = int(headers.get("Content-Length", 0))
    if content.tell() < promised:
        raise DataError(f"{name} was cut short: {content.tell():,} of {promised:,} bytes came; try again")
    return _file_name(source, headers)


def _asked(source: str) -> urllib.request.Request:
    parts = urlsplit(source)
    user, _, place = parts.netloc.rpartition("@")
    asked = urllib.request.Request(urlunsplit(parts._replace(netloc=place)))  # noqa: S310  # a web address
    asked.add_header("User-Agent", "fasttrack")
    if user:
        # not for a server that this one may send us to
        asked.add_unredirected_header("Authorization", "Basic " + base64.b64encode(unquote(user).encode()).decode())
    return asked


def _file_name(source: str, headers: Message) -> str:
    """A name whose ending says the format: the address's, else as the server says."""
    named = unquote(urlsplit(source).path).rpartition("/")[2]
    said = headers.get_filename() or ""
    for name in (named, said):
        if is_table(name.lstrip("._")):
            return name
    return named + _ENDINGS.get(headers.get_content_type(), "")


def _reason(error: Any) -> str:
    reason = getattr(error, "reason", error)
    with contextlib.suppress(AttributeError):
        reason = reason.strerror or reason
    return " ".join(str(reason).split()) or type(error).__name__
