"""What `--store` may be: a folder, or a URL of an object storage with its cache on this machine."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fasttrack.errors import StoreError
from fasttrack.object_storage import place_of
from fasttrack.store.folder import LocalStore
from fasttrack.urls import is_ambiguous, shown

if TYPE_CHECKING:
    from fasttrack.store.store import Store

__all__ = ["local_folder", "open_store"]

_DEFAULT = "model"
_SCHEMES = ("s3", "gs", "az")


def open_store(location: str | Path | None = None, *, cache: Path | None = None) -> Store:
    """The store at a folder, or at `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`.

    `location` defaults to FASTTRACK_STORE, then to the folder `model`. `cache` is the folder for versions from object
    storages; it defaults to FASTTRACK_CACHE, then to `fasttrack` in the user's cache folder. Raises StoreError for
    another kind of URL.
    """
    if location is None:
        location = os.environ.get("FASTTRACK_STORE") or _DEFAULT
    folder = local_folder(location, cache=cache)
    if not _is_remote(location):
        return LocalStore(folder)
    from fasttrack.store.objects import ObjectStore

    return ObjectStore(str(location).rstrip("/"), folder)


def local_folder(location: str | Path, *, cache: Path | None = None) -> Path:
    """Where files that belong to a store are on this machine: the store itself, or its part of the cache.

    Raises StoreError as `open_store`.
    """
    if not _is_remote(location):
        return Path(location)
    url = str(location).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.netloc or parts.query or parts.fragment:
        raise StoreError(
            f"{shown(url)} cannot hold models; use a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX "
            "or az://CONTAINER/PREFIX"
        )
    if "@" in parts.netloc or is_ambiguous(url):
        raise StoreError(f"{shown(url)} holds a key; keys belong into the environment, such as AWS_ACCESS_KEY_ID")
    try:
        place = place_of(url)
    except ValueError as error:
        raise StoreError(f"store {url} cannot be used: {error}") from None
    mark = hashlib.sha256(f"{url} {place}".encode()).hexdigest()[:8]
    words = re.sub(r"[^A-Za-z0-9._]+", "-", url).strip("-")
    return (cache or _cache()) / f"{words}-{mark}"


def _is_remote(location: str | Path) -> bool:
    if isinstance(location, Path) and re.match(r"[a-z0-9]+:/", str(location)):
        raise StoreError(f"{location} was made a path, which loses a slash; give an object storage's URL as text")
    return "://" in str(location)


def _cache() -> Path:
    given = os.environ.get("FASTTRACK_CACHE")
    if given:
        return Path(given)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fasttrack"
    except RuntimeError:
        raise StoreError("there is no home folder for a cache; set FASTTRACK_CACHE to a folder") from None
