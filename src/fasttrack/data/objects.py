"""Files in object stores and on the web → tables: `s3://`, `gs://`, `abfs://`, `https://`."""

from __future__ import annotations

import fnmatch
import os
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from fasttrack.addresses import shown
from fasttrack.data.files import is_table, one_format, read_content
from fasttrack.data.partitions import Partitions
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fasttrack.data.request import Request

__all__ = ["read_objects", "read_web"]

_WAIT_SECONDS = 60
_MAGIC = re.compile(r"[*?\[]")


def read_objects(request: Request) -> Iterator[tuple[str, pa.Table]]:
    """Each object that a URL names: one, all below a folder, or those that match a pattern, in the order of the names.

    Credentials, region and endpoint come from the environment, as for the stores' own tools (`AWS_…`,
    `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_…`). Raises DataError saying what could not be read.
    """
    name = shown(request.source)
    try:
        store, path = _opened(request.source)
        base, objects = _objects(store, path, name)
        partitions = Partitions([one.removeprefix(base) for one in objects])
        for one in objects:
            with store.open_input_stream(one) as stream:
                content = stream.read()
            label = f"{urlsplit(request.source).scheme}://{one}"
            table = read_content(content, one.rpartition("/")[2], label, request)
            yield label, partitions.add(table, one.removeprefix(base))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{name} cannot be read: {_reason(error)}") from None


def read_web(request: Request) -> Iterator[tuple[str, pa.Table]]:
    """The file at a web address, as the ending of its name says. Raises DataError when it cannot be had."""
    name = shown(request.source)
    asked = urllib.request.Request(request.source, headers={"User-Agent": "fasttrack"})  # noqa: S310  # a web address
    try:
        with urllib.request.urlopen(asked, timeout=_WAIT_SECONDS) as reply:  # noqa: S310
            content = reply.read()
    except urllib.error.HTTPError as error:
        raise DataError(
            f"{name} cannot be read: {error.code} {error.reason}; check the address, and who may read it"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"{name} cannot be read: {reason}; check the address and the network") from None
    yield name, read_content(content, unquote(urlsplit(request.source).path).rpartition("/")[2], name, request)


def _opened(source: str) -> tuple[Any, str]:
    """The store of a URL, and the path in it: bucket/key."""
    parts = urlsplit(source)
    path = unquote(source.partition("://")[2])
    if parts.scheme == "s3":
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        given: dict[str, Any] = {"connect_timeout": 10, "request_timeout": _WAIT_SECONDS}
        if endpoint:
            split = urlsplit(endpoint)
            given |= {"endpoint_override": split.netloc or split.path, "scheme": split.scheme or "https"}
            given["region"] = region or "us-east-1"
        elif region:
            given["region"] = region
        return fs.S3FileSystem(**given), path
    store, found = fs.FileSystem.from_uri(source)
    return store, found


def _objects(store: Any, path: str, name: str) -> tuple[str, list[str]]:
    """The folder that was named, with its end, and the tables in it."""
    found = _MAGIC.search(path)
    if found is None:
        info = store.get_file_info(path.rstrip("/"))
        if info.type == fs.FileType.File:
            return path.rpartition("/")[0] + "/", [path]
        if info.type == fs.FileType.NotFound:
            raise DataError(f"{name} does not exist; check the bucket and the name")
        base = path.rstrip("/") + "/"
        objects = _below(store, base)
    else:
        base = path[: found.start()].rpartition("/")[0] + "/"
        whole = re.compile(fnmatch.translate(path))
        objects = [one for one in _below(store, base) if whole.match(one)]
        if not objects:
            raise DataError(f"no object matches {name}; check the bucket and the pattern")
    tables = [one for one in objects if is_table(one.removeprefix(base))]
    one_format(tables, name)
    return base, sorted(tables)


def _below(store: Any, base: str) -> list[str]:
    listed = store.get_file_info(fs.FileSelector(base.rstrip("/"), recursive=True))
    return [info.path for info in listed if info.type == fs.FileType.File]


_REASONS = (
    (r"ACCESS_DENIED|SignatureDoesNotMatch|InvalidAccessKeyId|HTTP status 40[13]|credentials", "check the credentials"),
    (r"NO_SUCH_BUCKET|NoSuchBucket|bucket does not exist", "check the name of the bucket"),
    (
        r"NETWORK_CONNECTION|curlCode|[Cc]onnection refused|resolve host",
        "check the endpoint (AWS_ENDPOINT_URL) and network",
    ),
)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    advice = next(
        (advice for pattern, advice in _REASONS if re.search(pattern, text)), "check name, region and credentials"
    )
    return f"{text[:300].rstrip('. ')}; {advice}"
