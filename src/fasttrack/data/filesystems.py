"""Object stores as file systems: how each is opened, and what its errors mean in one line."""

from __future__ import annotations

import os
import re
import socket
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pyarrow import fs

from fasttrack.object_storage import AZURE, GOOGLE, azure, google, s3_endpoint

if TYPE_CHECKING:
    from fasttrack.object_storage import Azure, Endpoint

__all__ = ["ObjectFiles", "open_files"]

_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 20
_ATTEMPTS = 3
"""Of a call that got no answer: a dead endpoint is told after a minute at most, one that refuses at once."""
_AGAIN_SECONDS = 10
"""For which Google's client asks again, instead of a number of attempts."""
_FROM_THE_STORE = re.compile(
    r"AWS Error|NETWORK_CONNECTION|curlCode|HTTP status|google::cloud|Azure|Path does not exist"
)
"""Signs of an error that is the store's or the network's, not the file's."""
_DENIED = re.compile(
    "ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE|HTTP status 40[13]|[Cc]redential|Unauthorized|UNAUTHENTICATED|"
    r"PERMISSION_DENIED|AuthenticationFailed|AuthorizationFailure|AuthorizationPermissionMismatch|\] 403 "
)
_NO_BUCKET = re.compile("NO_SUCH_BUCKET|NoSuchBucket|bucket does not exist|container does not exist|ContainerNotFound")
_NETWORK = (
    re.compile(r"curlCode: \d+, (?P<why>.*?)(?:; Details: (?P<more>.*))?$"),
    re.compile(r"CURL error \[\d+\]=(?P<why>.*?)(?: error_info=|$)"),
    re.compile(r"Azure Error: \[\] (?P<why>.*)$"),
)
_SIGNATURE = re.compile(r"(?<=\S)\?[^\s'\"]*")
"""The parameters of an address, which may be a token."""
_DEAD = re.compile("NETWORK_CONNECTION|UNAVAILABLE|DEADLINE_EXCEEDED")


@dataclass(frozen=True)
class ObjectFiles:
    """An object store as a file system, in which a path is `BUCKET/KEY`."""

    files: Any
    """A `pyarrow.fs.FileSystem`. Nothing was asked of it."""
    bucket: str
    """What its own people call one: bucket, or container."""
    advice: str
    """What to check when there is no such bucket."""
    keys: str
    """The variables that say who asks."""
    endpoint: Endpoint | None

    def is_its(self, error: Exception) -> bool:
        """Whether an error is the store's or the network's, not the content's."""
        return isinstance(error, OSError) and _FROM_THE_STORE.search(str(error)) is not None

    def reason(self, error: Exception) -> str:
        """The store's message in one line, without the trail of its calls, and what to do."""
        text = _SIGNATURE.sub("", " ".join(str(error).split()))
        if _DENIED.search(text):
            return f"the store denies access; check the keys ({self.keys}) and what they may read"
        if _NO_BUCKET.search(text):
            return f"the store has no such {self.bucket}; check {self.advice}"
        if "HTTP status 301" in text or "PermanentRedirect" in text:
            return "the bucket is in another region; set AWS_REGION to it"
        network = next((found for sign in _NETWORK if (found := sign.search(text))), None)
        if network or _DEAD.search(text):
            told = (network.groupdict().get("more") or network["why"]) if network else text
            return f"{re.sub(r' after [0-9]+ ms.*', '', told)[:300].rstrip('. ')}; check {_way(self.endpoint)}"
        told = re.sub(r"^When .*?: (?=AWS Error)| \(Request ID: .*?\)", "", text)
        return f"{told[:300].rstrip('. ')}; check the address and the keys ({self.keys})"


def open_files(scheme: str, path: str) -> tuple[ObjectFiles, str]:
    """The store of a URL, and the path in it: bucket/key.

    Raises ValueError, saying what to do, when the environment does not say enough, or says what cannot be; OSError when
    nobody listens where it says.
    """
    if scheme in AZURE:
        return _azure(path)
    if scheme in GOOGLE:
        return _google(), path
    return _s3(), path


def _s3() -> ObjectFiles:
    """By the variables that S3's own tools read; what is not among them they take from their files, as `aws` does."""
    endpoint = s3_endpoint()
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    given: dict[str, Any] = {
        "anonymous": os.environ.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true", "yes"),
        "connect_timeout": _CONNECT_SECONDS,
        "request_timeout": _ANSWER_SECONDS,
        "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    }
    if endpoint:
        given |= {
            "endpoint_override": endpoint.authority,
            "scheme": endpoint.scheme,
            "region": region or "us-east-1",
        }
    elif region:
        given["region"] = region
    keys, advice = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY", "its name, the endpoint and the region"
    return ObjectFiles(fs.S3FileSystem(**given), "bucket", advice, keys, endpoint)


def _google() -> ObjectFiles:
    found = google()
    given: dict[str, Any] = {
        "anonymous": found.anonymous,
        "retry_time_limit": timedelta(seconds=_AGAIN_SECONDS),
    }
    if found.endpoint:
        _reach(found.endpoint)  # the client itself tries again for all of its time
        given |= {"endpoint_override": found.endpoint.authority, "scheme": found.endpoint.scheme}
    keys, advice = "GOOGLE_APPLICATION_CREDENTIALS", "its name and the endpoint"
    return ObjectFiles(fs.GcsFileSystem(**given), "bucket", advice, keys, found.endpoint)


def _azure(path: str) -> tuple[ObjectFiles, str]:
    """`abfs://CONTAINER/PATH`, or `abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH`."""
    place, slash, inside = path.partition("/")
    container, _, full = place.partition("@")
    account, _, host = full.partition(".")
    found = azure(account, host)
    given: dict[str, Any] = {"account_key": found.key} if found.key else {}
    if found.token:
        given["sas_token"] = f"?{found.token}"  # which the client only appends to the address
    if found.endpoint:
        given |= _authorities(found, found.endpoint)
        _reach(found.endpoint)  # the client itself waits for five minutes, four times
    files = fs.AzureFileSystem(found.account, **given)
    keys, advice = "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY", "its name, the account and the endpoint"
    return ObjectFiles(files, "container", advice, keys, found.endpoint), container + slash + inside


def _authorities(found: Azure, endpoint: Endpoint) -> dict[str, str]:
    """The endpoint as the client takes it: what follows the account where that begins the host, or all of the host."""
    begin = f"{found.account}."
    if endpoint.authority.startswith(begin):
        blob = endpoint.authority.removeprefix(found.account)
    elif urlsplit(endpoint.url).path.strip("/") == found.account:
        blob = endpoint.authority
    else:
        raise ValueError(
            f"{endpoint.variable} does not name the account {found.account}; write https://{begin}HOST, "
            f"or http://HOST:PORT/{found.account}"
        )
    return {
        "blob_storage_authority": blob,
        "dfs_storage_authority": blob.replace(".blob.", ".dfs.", 1),
        "blob_storage_scheme": endpoint.scheme,
        "dfs_storage_scheme": endpoint.scheme,
    }


def _reach(endpoint: Endpoint) -> None:
    """Raise OSError soon when nobody listens. What a proxy stands before is not looked at."""
    parts = urlsplit(endpoint.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        why = "refused the connection" if isinstance(error, ConnectionRefusedError) else "cannot be reached"
        raise ConnectionError(f"{endpoint.scheme}://{endpoint.authority} {why}; check {_way(endpoint)}") from None


def _way(endpoint: Endpoint | None) -> str:
    return f"the endpoint ({endpoint.variable}) and the network" if endpoint else "the network"
