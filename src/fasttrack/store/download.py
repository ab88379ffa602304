"""A version from a bucket to the local cache: in parallel, checked, and going on where a killed one stopped.

What has come lies in a hidden folder that one process fills at a time. It becomes a version by one rename, after every
digest matched.
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
    """What is known about a version. Raises BundleError when its manifest is damaged, or not there."""
    return _manifest(bucket, name, version)[0]


def check_objects(bucket: Bucket, name: str, version: str) -> Manifest:
    """Read every file of a version, and compare it with its digest. Raises BundleError naming one that differs."""
    manifest = read_remote_manifest(bucket, name, version)
    meter = Meter(0, ignore)

    def check(file: str) -> None:
        pinned, key = manifest.files[file], f"{name}/{version}/{file}"
        content = hashlib.sha256()

        def take(part: bytes) -> None:
            content.update(part)
            meter.moved(len(part))

        _read(bucket, key, 0, pinned.size, take)
        if content.hexdigest() != pinned.sha256:
            raise changed_file(f"{bucket.url}/{key}", content.hexdigest(), pinned)

    for_each(manifest.files, check, meter)
    return manifest


def download(bucket: Bucket, name: str, version: str, cache: LocalStore, watch: Watch) -> Bundle:
    """Put a version into the cache, in place of a damaged one if need be.

    Raises BundleError when the version is damaged in the bucket, StoreError, and OSError of the cache.
    """
    home = cache.folder / name
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home / f".partial-{version}") as partial:
        with suppress(BundleError):  # another process has just done it
            return cache.fetch(name, version)
        manifest, written = _manifest(bucket, name, version)
        meter = Meter(sum(pinned.size for pinned in manifest.files.values()), watch)

        def get(file: str) -> None:
            _get(bucket, f"{name}/{version}/{file}", partial / file, manifest.files[file], meter)

        for_each(manifest.files, get, meter)
        (partial / MANIFEST).write_bytes(written)
        for path in [*partial.rglob("*"), partial]:
            fsync(path)
        cache.sweep(name)
        return cache.settle(Bundle(partial, manifest), home / version)


def _manifest(bucket: Bucket, name: str, version: str) -> tuple[Manifest, bytes]:
    place = f"{bucket.url}/{name}/{version}"
    found = bucket.read(f"{name}/{version}/{MANIFEST}")
    if found is None:
        raise BundleError(f"{place} is no bundle: it has no {MANIFEST}")
    return check_version(decode_manifest(found[0], f"{place}/{MANIFEST}"), version, place), found[0]


def _get(bucket: Bucket, key: str, path: Path, pinned: FileDigest, meter: Meter) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    here = path.stat().st_size if path.exists() else 0
    meter.moved(min(here, pinned.size))
    resumed = here > 0
    found = ""
    if here <= pinned.size:
        found = _append(bucket, key, path, pinned, meter)
    if found != pinned.sha256 and resumed:  # what lay here is no beginning of it
        meter.moved(-min(path.stat().st_size, pinned.size))
        path.unlink()
        found = _append(bucket, key, path, pinned, meter)
    if found != pinned.sha256:
        path.unlink()
        raise changed_file(f"{bucket.url}/{key}", found, pinned)


def _append(bucket: Bucket, key: str, path: Path, pinned: FileDigest, meter: Meter) -> str:
    """Get the rest of a file; the SHA-256 (hex) of the whole."""
    with path.open("ab") as file:

        def write(part: bytes) -> None:
            file.write(part)
            file.flush()  # a process that is killed leaves what it has
            meter.moved(len(part))

        _read(bucket, key, file.tell(), pinned.size, write)
    with path.open("rb") as whole:
        return hashlib.file_digest(whole, "sha256").hexdigest()


def _read(bucket: Bucket, key: str, start: int, size: int, take: Callable[[bytes], object]) -> None:
    """The bytes of an object from `start` on, part by part. An object that is shorter than `size` ends early."""
    entry = bucket.look(key)
    if entry is None:
        raise BundleError(
            f"{bucket.url}/{key} cannot be read: there is no such object; restore the bundle, or train again"
        )
    # a longer object shows itself by its digest: one byte too many is enough
    end = min(entry.size, size + 1)
    while start < end:
        part = bucket.read_part(key, start, min(start + PART, end))
        if not part:
            return
        take(part)
        start += len(part)


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Make `folder`, and wait until no other process works in it. Its holder may be killed: the lock dies with it."""
    while True:
        folder.mkdir(exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # became a version in between
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_open_as(descriptor, folder):
                try:
                    yield folder
                finally:
                    if _is_open_as(descriptor, folder):
                        with suppress(OSError):
                            folder.rmdir()  # if it is empty: there was nothing to do
                return
        finally:
            os.close(descriptor)


def _is_open_as(descriptor: int, folder: Path) -> bool:
    """Whether `folder` still is the one that was opened, and neither renamed nor removed."""
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False
