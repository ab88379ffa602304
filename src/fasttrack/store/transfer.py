"""Copy a version from one store to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.store.store import Watch, ignore

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle
    from fasttrack.store.store import Store

__all__ = ["copy_version"]


def copy_version(source: Store, spec: str, into: Store, watch: Watch = ignore) -> Bundle:
    """Copy what `spec` means in `source` to the store `into`, completely or not at all; every digest is checked.

    Files that are already there are not transferred again. Raises StoreError, and BundleError when the version is
    damaged.
    """
    name, version = source.resolve(spec)
    into.check_writable(name)
    bundle = source.fetch(name, version, watch)
    return into.receive(bundle, watch)
