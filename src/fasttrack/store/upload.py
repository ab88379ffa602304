"""A version from a folder to a bucket: in parallel, its manifest last, and without what a killed one had sent already.

Readers know a version by its manifest, so that one without is not there. What nobody came back for is swept away. The
report is no part of what a version is the digest of: of several, the one stays that the published manifest pins.
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
"""Files without a manifest that are older were left by an upload that nobody will finish."""
_REUSED = timedelta(hours=12)
"""Older ones are sent again: this leaves an upload half a day before another could take its files for abandoned."""


def upload(bucket: Bucket, bundle: Bundle, watch: Watch) -> None:
    """Make `bundle` a version in the bucket. Content that is there already, whole, is not sent again.

    Where the version is there with another report, that one stays.

    Raises StoreError when the bucket cannot be written.
    """
    manifest = bundle.manifest
    home = f"{manifest.name}/{manifest.version}/"
    there = {entry.key.removeprefix(home): entry for entry in bucket.entries(home)}
    published, _ = _published(bucket, home, manifest.version)
    oldest = datetime.now(UTC) - _REUSED
    meter = Meter(sum(pinned.size for pinned in manifest.files.values()), watch)

    def send(file: str) -> None:
        pinned, entry = manifest.files[file], there.get(file)
        if published is not None and published.files.get(file) != pinned:
            meter.moved(pinned.size)  # it would not be what the manifest there pins
            return
        usable = entry is not None and entry.size == pinned.size and (published is not None or entry.written > oldest)
        if usable and bucket.digest(home + file) == pinned.sha256:
            meter.moved(pinned.size)
        else:
            bucket.send(bundle.folder / file, home + file, pinned.sha256, meter.moved)

    for_each(manifest.files, send, meter)
    _publish(bucket, home, bundle)
    with suppress(StoreError):  # who may write may not always remove
        _sweep(bucket, manifest.name)


def _published(bucket: Bucket, home: str, version: str) -> tuple[Manifest | None, Entry | None]:
    """The manifest in the bucket, if it is whole, and the object that it is, damaged or not."""
    found = bucket.read(home + MANIFEST)
    if found is None:
        return None, None
    try:
        return check_version(decode_manifest(found[0], home + MANIFEST), version, home), found[1]
    except BundleError:
        return None, found[1]


def _publish(bucket: Bucket, home: str, bundle: Bundle) -> None:
    """Write the manifest where there is none, or where one pins another report and ours is the one that lies there.

    Of uploads at once, each with a report of its own, the last report stays: its sender comes here after it was sent.
    """
    ours = bundle.manifest.files.get(REPORT)
    while True:
        published, there = _published(bucket, home, bundle.manifest.version)
        if published is not None and (
            ours is None or published.files.get(REPORT) == ours or bucket.digest(home + REPORT) != ours.sha256
        ):
            return
        with suppress(Conflict):  # another process has published the same version meanwhile: look again
            bucket.write(home + MANIFEST, (bundle.folder / MANIFEST).read_bytes(), instead_of=there)
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
        whole = any(entry.key == f"{name}/{version}/{MANIFEST}" for entry in entries)
        if not whole and max(entry.written for entry in entries) < oldest:
            bucket.remove([entry.key for entry in entries])
