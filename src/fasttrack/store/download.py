"""Download a version from a bucket into the local cache: in parallel, checked, and resumed after a kill.

The files go into a hidden folder that one process fills at a time. Once every digest matches, one rename makes it a
version.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fasttrack.atomic_files import fsync
from fasttrack.bundle import MANIFEST, Bundle, Manifest, changed_file, check_version, decode_manifest
from fasttrack.errors import BundleError
from fasttrack.store.bucket import PART, Bucket
from fasttrack.store.parallel import Meter, for_each
from fasttrack.store.store import Watch, ignore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fasttrack.bundle import FileDigest
    from fasttrack.store.folder import LocalStore

__all__ = ["check_objects", "download", "read_remote_manifest"]


def read_remote_manifest(bucket: Bucket, name: str, version: str) -> Manifest:
    """The manifest of a version. Raises BundleError when it is damaged or missing."""
    return _read_manifest(bucket, name, version)[0]


def check_objects(bucket: Bucket, name: str, version: str) -> Manifest:
    """Read every file of a version and compare it with its digest. Raises BundleError naming a file that differs."""
    manifest = read_remote_manifest(bucket, name, version)
    meter = Meter(0, ignore)

    def check(file: str) -> None:
        expected, key = manifest.files[file], f"{name}/{version}/{file}"
        digest = hashlib.sha256()

        def consume(part: bytes) -> None:
            digest.update(part)
            meter.add(len(part))

        _read(bucket, key, 0, expected.size, consume)
        if digest.hexdigest() != expected.sha256:
            raise changed_file(f"{bucket.url}/{key}", digest.hexdigest(), expected)

    for_each(manifest.files, check, meter)
    return manifest


def download(bucket: Bucket, name: str, version: str, cache: LocalStore, watch: Watch) -> Bundle:
    """Put a version into the cache; a damaged copy there is replaced.

    Raises BundleError when the version is damaged in the bucket, StoreError when the storage refuses or does not
    answer, and OSError when the cache cannot be written.
    """
    home = cache.folder / name
    home.mkdir(parents=True, exist_ok=True)
    with _exclusive_folder(home / f".partial-{version}") as partial:
        with suppress(BundleError):  # another process has just finished it
            return cache.fetch(name, version)
        manifest, content = _read_manifest(bucket, name, version)
        meter = Meter(sum(file.size for file in manifest.files.values()), watch)

        def fetch(file: str) -> None:
            _fetch(bucket, f"{name}/{version}/{file}", partial / file, manifest.files[file], meter)

        for_each(manifest.files, fetch, meter)
        (partial / MANIFEST).write_bytes(content)
        for path in [*partial.rglob("*"), partial]:
            fsync(path)
        cache.sweep(name)
        return cache.settle(Bundle(partial, manifest), home / version)


def _read_manifest(bucket: Bucket, name: str, version: str) -> tuple[Manifest, bytes]:
    """The manifest and its bytes."""
    place = f"{bucket.url}/{name}/{version}"
    stored = bucket.read(f"{name}/{version}/{MANIFEST}")
    if stored is None:
        raise BundleError(f"{place} is not a bundle: it has no {MANIFEST}")
    return check_version(decode_manifest(stored[0], f"{place}/{MANIFEST}"), version, place), stored[0]


def _fetch(bucket: Bucket, key: str, path: Path, expected: FileDigest, meter: Meter) -> None:
    """Download one file, from where an earlier download stopped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    present = path.stat().st_size if path.exists() else 0
    meter.add(min(present, expected.size))
    resumed = present > 0
    sha256 = ""
    if present <= expected.size:
        sha256 = _append(bucket, key, path, expected, meter)
    if sha256 != expected.sha256 and resumed:  # what was present is not the start of this file
        meter.add(-min(path.stat().st_size, expected.size))
        path.unlink()
        sha256 = _append(bucket, key, path, expected, meter)
    if sha256 != expected.sha256:
        path.unlink()
        raise changed_file(f"{bucket.url}/{key}", sha256, expected)


def _append(bucket: Bucket, key: str, path: Path, expected: FileDigest, meter: Meter) -> str:
    """Download the rest of a file; the SHA-256 (hex) of the whole file."""
    with path.open("ab") as file:

        def write(part: bytes) -> None:
            file.write(part)
            file.flush()  # so that a killed process leaves what it has received
            meter.add(len(part))

        _read(bucket, key, file.tell(), expected.size, write)
    with path.open("rb") as whole:
        return hashlib.file_digest(whole, "sha256").hexdigest()


def _read(bucket: Bucket, key: str, start: int, size: int, consume: Callable[[bytes], object]) -> None:
    """Read an object from `start` on, part by part. An object that is shorter than `size` ends early."""
    entry = bucket.head(key)
    if entry is None:
        raise BundleError(
            f"{bucket.url}/{key} cannot be read: there is no such object; restore the bundle, or train again"
        )
    # one byte too many is enough to change the digest of an object that is too long
    end = min(entry.size, size + 1)
    while start < end:
        part = bucket.read_part(key, start, min(start + PART, end))
        if not part:
            return
        consume(part)
        start += len(part)


@contextmanager
def _exclusive_folder(folder: Path) -> Iterator[Path]:
    """Make `folder` and wait until no other process works in it. A killed process releases its lock."""
    while True:
        folder.mkdir(exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # it became a version in between
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_open_as(descriptor, folder):
                try:
                    yield folder
                finally:
                    if _is_open_as(descriptor, folder):
                        with suppress(OSError):
                            folder.rmdir()  # if it is empty, there was nothing to do
                return
        finally:
            os.close(descriptor)


def _is_open_as(descriptor: int, folder: Path) -> bool:
    """Whether `folder` is still the open one: neither renamed nor removed."""
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False
