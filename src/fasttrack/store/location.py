"""Open the store that `--store` names: a folder, or the URL of an object storage with a cache on this machine."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fasttrack.errors import StoreError
from fasttrack.object_storage import storage_identity
from fasttrack.schemes import example_list, find_scheme, is_url
from fasttrack.store.folder import LocalStore
from fasttrack.urls import has_ambiguous_password, redact_url

if TYPE_CHECKING:
    from fasttrack.store.store import Store

__all__ = ["local_folder", "open_store"]

_DEFAULT = "model"


def open_store(location: str | Path | None = None, *, cache: Path | None = None) -> Store:
    """The store at a folder, or at the URL of an object storage such as `s3://BUCKET/PREFIX`.

    `location` defaults to FASTTRACK_STORE, then to the folder `model`. `cache` is the folder for versions from object
    storages; it defaults to FASTTRACK_CACHE, then to `fasttrack` in the user's cache folder. Raises StoreError for
    another kind of URL.
    """
    if location is None:
        location = os.environ.get("FASTTRACK_STORE") or _DEFAULT
    folder = local_folder(location, cache=cache)
    scheme = find_scheme(str(location))
    if scheme is None or scheme.store is None:
        return LocalStore(folder)
    store: Store = scheme.store.open(str(location).rstrip("/"), folder)
    return store


def local_folder(location: str | Path, *, cache: Path | None = None) -> Path:
    """The folder on this machine that holds a store's files: the store itself, or its part of the cache.

    Raises StoreError as `open_store`.
    """
    if not _is_remote(location):
        return Path(location)
    url = str(location).rstrip("/")
    parts = urlsplit(url)
    scheme = find_scheme(url)
    if scheme is None or scheme.store is None or not parts.netloc or parts.query or parts.fragment:
        raise StoreError(f"{redact_url(url)} cannot hold models; use a folder, {example_list('store')}")
    if "@" in parts.netloc or has_ambiguous_password(url):
        raise StoreError(f"{redact_url(url)} holds a key; keys belong into the environment, such as AWS_ACCESS_KEY_ID")
    try:
        identity = storage_identity(url)
    except ValueError as error:
        raise StoreError(f"store {url} cannot be used: {error}") from None
    mark = hashlib.sha256(f"{url} {identity}".encode()).hexdigest()[:8]
    words = re.sub(r"[^A-Za-z0-9._]+", "-", url).strip("-")
    return (cache or _cache()) / f"{words}-{mark}"


def _is_remote(location: str | Path) -> bool:
    if isinstance(location, Path) and re.match(r"[a-z0-9]+:/", str(location)):
        raise StoreError(
            f"{location} is a Path, which loses a slash of a URL; give the URL of an object storage as text"
        )
    return is_url(str(location))


def _cache() -> Path:
    folder = os.environ.get("FASTTRACK_CACHE")
    if folder:
        return Path(folder)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fasttrack"
    except RuntimeError:
        raise StoreError("there is no home folder for a cache; set FASTTRACK_CACHE to a folder") from None
