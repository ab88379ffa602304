"""Tables in Google Cloud Storage: `gs://BUCKET/KEY`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pyarrow import fs

from fasttrack.data.filesystem import ObjectFileSystem, check_reachable
from fasttrack.data.object_files import object_parts
from fasttrack.object_storage import google_storage

if TYPE_CHECKING:
    from fasttrack.data.part import TablePart
    from fasttrack.data.request import ReadRequest

__all__ = ["google_parts"]

_RETRY_S = 10
"""How long Google's client retries a call; it has no number of attempts."""


def google_parts(request: ReadRequest) -> list[TablePart]:
    """The objects that a `gs://` URL names, as `object_parts`."""
    return object_parts(request, _open)


def _open(path: str) -> tuple[ObjectFileSystem, str]:
    storage = google_storage()
    options: dict[str, Any] = {
        "anonymous": storage.anonymous,
        "retry_time_limit": timedelta(seconds=_RETRY_S),
    }
    if storage.endpoint:
        check_reachable(storage.endpoint)  # the client would retry for its whole time
        options |= {"endpoint_override": storage.endpoint.authority, "scheme": storage.endpoint.scheme}
    file_system = ObjectFileSystem(
        fs.GcsFileSystem(**options),
        bucket_word="bucket",
        bucket_advice="its name and the endpoint",
        key_variables="GOOGLE_APPLICATION_CREDENTIALS",
        endpoint=storage.endpoint,
    )
    return file_system, path
