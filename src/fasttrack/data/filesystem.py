"""An object storage as a file system, and what its errors mean in one line."""

from __future__ import annotations

import re
import socket
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fasttrack.object_storage import Endpoint

__all__ = ["CONNECT_TIMEOUT_S", "ObjectFileSystem", "check_reachable"]

CONNECT_TIMEOUT_S = 5
_STORAGE_ERROR = re.compile(
    r"AWS Error|NETWORK_CONNECTION|curlCode|HTTP status|google::cloud|Azure|Path does not exist"
)
_DENIED = re.compile(
    "ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE|HTTP status 40[13]|[Cc]redential|Unauthorized|UNAUTHENTICATED|"
    r"PERMISSION_DENIED|AuthenticationFailed|AuthorizationFailure|AuthorizationPermissionMismatch|\] 403 "
)
_NO_BUCKET = re.compile("NO_SUCH_BUCKET|NoSuchBucket|bucket does not exist|container does not exist|ContainerNotFound")
_NETWORK = (
    re.compile(r"curlCode: \d+, (?P<reason>.*?)(?:; Details: (?P<details>.*))?$"),
    re.compile(r"CURL error \[\d+\]=(?P<reason>.*?)(?: error_info=|$)"),
    re.compile(r"Azure Error: \[\] (?P<reason>.*)$"),
)
_NO_ANSWER = re.compile("NETWORK_CONNECTION|UNAVAILABLE|DEADLINE_EXCEEDED")
_URL_PARAMETERS = re.compile(r"(?<=\S)\?[^\s'\"]*")
"""In a message; they may be a token."""
_LONGEST_REASON = 300


@dataclass(frozen=True)
class ObjectFileSystem:
    """An object storage in which a path is `BUCKET/KEY`."""

    files: Any
    """A `pyarrow.fs.FileSystem`. Nothing was asked of it yet."""
    bucket_word: str
    """What this storage calls one: bucket, or container."""
    bucket_advice: str
    """What to check when a bucket does not exist."""
    key_variables: str
    """The environment variables that hold the credentials."""
    endpoint: Endpoint | None

    def is_storage_error(self, error: Exception) -> bool:
        """Whether an error is about the storage or the network, not about the content of a file."""
        return isinstance(error, OSError) and _STORAGE_ERROR.search(str(error)) is not None

    def explain(self, error: Exception) -> str:
        """The storage's message in one line, without its list of calls, and what to do."""
        text = _URL_PARAMETERS.sub("", " ".join(str(error).split()))
        if _DENIED.search(text):
            return f"the storage denies access; check the keys ({self.key_variables}) and what they may read"
        if _NO_BUCKET.search(text):
            return f"the storage has no such {self.bucket_word}; check {self.bucket_advice}"
        if "HTTP status 301" in text or "PermanentRedirect" in text:
            return "the bucket is in another region; set AWS_REGION to it"
        network = next((match for pattern in _NETWORK if (match := pattern.search(text))), None)
        if network or _NO_ANSWER.search(text):
            reason = (network.groupdict().get("details") or network["reason"]) if network else text
            return f"{_cut(re.sub(r' after [0-9]+ ms.*', '', reason))}; check {_connection(self.endpoint)}"
        reason = re.sub(r"^When .*?: (?=AWS Error)| \(Request ID: .*?\)", "", text)
        return f"{_cut(reason)}; check the address and the keys ({self.key_variables})"


def check_reachable(endpoint: Endpoint) -> None:
    """Raise OSError within seconds when no server listens. An endpoint behind a proxy is not checked."""
    parts = urlsplit(endpoint.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        reason = "refused the connection" if isinstance(error, ConnectionRefusedError) else "cannot be reached"
        raise ConnectionError(
            f"{endpoint.scheme}://{endpoint.authority} {reason}; check {_connection(endpoint)}"
        ) from None


def _cut(reason: str) -> str:
    return reason[:_LONGEST_REASON].rstrip(". ")


def _connection(endpoint: Endpoint | None) -> str:
    return f"the endpoint ({endpoint.variable}) and the network" if endpoint else "the network"
