"""Tables in S3 and storages with its interface: `s3://BUCKET/KEY`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pyarrow import fs

from fasttrack.data.filesystem import CONNECT_TIMEOUT_S, ObjectFileSystem
from fasttrack.data.object_files import object_parts
from fasttrack.object_storage import s3_endpoint

if TYPE_CHECKING:
    from fasttrack.data.part import TablePart
    from fasttrack.data.request import ReadRequest

__all__ = ["s3_parts"]

_REPLY_TIMEOUT_S = 20
_ATTEMPTS = 3
"""A call to a server that never answers fails within a minute, and at once where the connection is refused."""


def s3_parts(request: ReadRequest) -> list[TablePart]:
    """The objects that an `s3://` URL names, as `object_parts`."""
    return object_parts(request, _open)


def _open(path: str) -> tuple[ObjectFileSystem, str]:
    """Set up by the variables that S3's own tools read; the client reads those tools' files itself, as `aws` does."""
    endpoint = s3_endpoint()
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    options: dict[str, Any] = {
        "anonymous": os.environ.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true", "yes"),
        "connect_timeout": CONNECT_TIMEOUT_S,
        "request_timeout": _REPLY_TIMEOUT_S,
        "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    }
    if endpoint:
        options |= {
            "endpoint_override": endpoint.authority,
            "scheme": endpoint.scheme,
            "region": region or "us-east-1",
        }
    elif region:
        options["region"] = region
    file_system = ObjectFileSystem(
        fs.S3FileSystem(**options),
        bucket_word="bucket",
        bucket_advice="its name, the endpoint and the region",
        key_variables="AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
        endpoint=endpoint,
    )
    return file_system, path
