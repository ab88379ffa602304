"""Where versions are kept, and which of them is the champion: in a folder, or in a bucket of an object storage."""

from __future__ import annotations

from fasttrack.store.folder import LocalStore
from fasttrack.store.location import local_folder, open_store
from fasttrack.store.promotion import Promotion
from fasttrack.store.store import Store, Watch, ignore
from fasttrack.store.transfer import copy_version

__all__ = [
    "LocalStore",
    "Promotion",
    "Store",
    "Watch",
    "copy_version",
    "ignore",
    "local_folder",
    "open_store",
]
