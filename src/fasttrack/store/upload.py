"""Upload a version from a folder to a bucket: in parallel, the manifest last, and without files that are there already.

A version exists for readers once its manifest does. The files of uploads that nobody finished are removed later. A
version is not a digest of its report: of several reports, the one in the published manifest stays.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fasttrack.bundle import MANIFEST, REPORT, check_version, decode_manifest
from fasttrack.errors import BundleError, StoreError
from fasttrack.store.bucket import Bucket, Conflict, Entry
from fasttrack.store.parallel import Meter, for_each

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle, Manifest
    from fasttrack.store.store import Watch

__all__ = ["upload"]

_ABANDONED = timedelta(hours=24)
"""The age at which files without a manifest count as left by an upload that nobody will finish."""
_REUSED = timedelta(hours=12)
"""The age up to which such files are used by another upload. It has half a day to finish before they are removed."""


def upload(bucket: Bucket, bundle: Bundle, watch: Watch) -> None:
    """Make `bundle` a version in the bucket. Files that are there already, undamaged, are not sent again.

    If the version is there with another report, that report stays. Raises StoreError when the bucket cannot be written.
    """
    manifest = bundle.manifest
    home = f"{manifest.name}/{manifest.version}/"
    present = {entry.key.removeprefix(home): entry for entry in bucket.entries(home)}
    published, _ = _published_manifest(bucket, home, manifest.version)
    oldest = datetime.now(UTC) - _REUSED
    meter = Meter(sum(file.size for file in manifest.files.values()), watch)

    def send(file: str) -> None:
        expected, entry = manifest.files[file], present.get(file)
        if published is not None and published.files.get(file) != expected:
            meter.add(expected.size)  # another report: it would not match the published manifest
            return
        usable = entry is not None and entry.size == expected.size and (published is not None or entry.written > oldest)
        if usable and bucket.digest(home + file) == expected.sha256:
            meter.add(expected.size)
        else:
            bucket.send(bundle.folder / file, home + file, expected.sha256, meter.add)

    for_each(manifest.files, send, meter)
    _publish(bucket, home, bundle)
    with suppress(StoreError):  # permission to write need not include permission to remove
        _sweep(bucket, manifest.name)


def _published_manifest(bucket: Bucket, home: str, version: str) -> tuple[Manifest | None, Entry | None]:
    """The manifest in the bucket, `None` if it is damaged or missing, and its entry."""
    stored = bucket.read(home + MANIFEST)
    if stored is None:
        return None, None
    content, entry = stored
    try:
        return check_version(decode_manifest(content, home + MANIFEST), version, home), entry
    except BundleError:
        return None, entry


def _publish(bucket: Bucket, home: str, bundle: Bundle) -> None:
    """Write the manifest if there is none, or if it names another report than ours, and ours is the one in the bucket.

    Of concurrent uploads with different reports the last report stays, since its sender gets here after sending it.
    """
    ours = bundle.manifest.files.get(REPORT)
    while True:
        published, entry = _published_manifest(bucket, home, bundle.manifest.version)
        if published is not None and (
            ours is None or published.files.get(REPORT) == ours or bucket.digest(home + REPORT) != ours.sha256
        ):
            return
        with suppress(Conflict):  # another process has published the version in between: read again
            bucket.write(home + MANIFEST, (bundle.folder / MANIFEST).read_bytes(), instead_of=entry)
            return


def _sweep(bucket: Bucket, name: str) -> None:
    """Remove the files of uploads that were never finished."""
    versions: dict[str, list[Entry]] = defaultdict(list)
    for entry in bucket.entries(f"{name}/"):
        version, slash, _ = entry.key.removeprefix(f"{name}/").partition("/")
        if slash:
            versions[version].append(entry)
    oldest = datetime.now(UTC) - _ABANDONED
    for version, entries in versions.items():
        complete = any(entry.key == f"{name}/{version}/{MANIFEST}" for entry in entries)
        if not complete and max(entry.written for entry in entries) < oldest:
            bucket.remove([entry.key for entry in entries])
