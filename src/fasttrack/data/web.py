"""A file on the web: downloaded once, into a temporary file that is deleted with the last part that reads it."""

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

from fasttrack.data.file import TableFile
from fasttrack.data.files import is_table_file, open_part
from fasttrack.errors import DataError
from fasttrack.file_formats import FORMATS
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from fasttrack.data.part import TablePart
    from fasttrack.data.request import ReadRequest

__all__ = ["web_parts"]

_TIMEOUT_S = 30
"""For the server to accept the connection, and between two pieces of the file."""


def web_parts(request: ReadRequest) -> list[TablePart]:
    """The file at an `https://` address. Raises DataError when it cannot be downloaded completely."""
    name = redact_url(request.source)
    descriptor, temporary = tempfile.mkstemp(prefix="fasttrack-")
    path = Path(temporary)
    try:
        with os.fdopen(descriptor, "wb") as content:
            file_name = _download(request.source, name, content)
        part = open_part(TableFile(name, file_name, lambda: path.open("rb"), lambda error: None), request)
    except BaseException:
        path.unlink()
        raise
    weakref.finalize(part, path.unlink, missing_ok=True)
    return [part]


def _download(source: str, name: str, content: BinaryIO) -> str:
    """Write the file to `content`; returns its name, whose ending says the format."""
    try:
        with urllib.request.urlopen(_http_request(source), timeout=_TIMEOUT_S) as reply:  # noqa: S310
            shutil.copyfileobj(reply, content)
            headers = reply.headers
    except urllib.error.HTTPError as error:
        with error:  # it holds the connection
            advice = "check the address" if error.code in (404, 410) else "check the address, and who may read it"
            raise DataError(f"{name} cannot be read: {error.code} {error.reason}; {advice}") from None
    except (http.client.InvalidURL, ValueError):  # their messages quote the whole address
        raise DataError(f"{name} is not a web address; write spaces and other signs as %20") from None
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"{name} cannot be read: {_reason(error)}; check the address and the network") from None
    promised = int(headers.get("Content-Length", 0))
    if content.tell() < promised:
        raise DataError(f"{name} was cut short: {content.tell():,} of {promised:,} bytes arrived; try again")
    return _file_name(source, headers)


def _http_request(source: str) -> urllib.request.Request:
    parts = urlsplit(source)
    user, _, host = parts.netloc.rpartition("@")
    http_request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)))  # noqa: S310  # a web address
    http_request.add_header("User-Agent", "fasttrack")
    if user:
        credentials = base64.b64encode(unquote(user).encode()).decode()
        # not for a server to which this one redirects
        http_request.add_unredirected_header("Authorization", f"Basic {credentials}")
    return http_request


def _file_name(source: str, headers: Message) -> str:
    """A name whose ending says the format: from the address, else from the server's headers."""
    name = unquote(urlsplit(source).path).rpartition("/")[2]
    for candidate in (name, headers.get_filename() or ""):
        if is_table_file(candidate.lstrip("._")):
            return candidate
    media_type = headers.get_content_type()
    return name + next((fmt.media_types[media_type] for fmt in FORMATS if media_type in fmt.media_types), "")


def _reason(error: Any) -> str:
    reason = getattr(error, "reason", error)
    with contextlib.suppress(AttributeError):
        reason = reason.strerror or reason
    return " ".join(str(reason).split()) or type(error).__name__
