"""From the registry into a store: a registered bundle, whole and with every digest checked, or nothing."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasttrack.bundle import MANIFEST, Bundle, open_bundle
from fasttrack.errors import BundleError, StoreError, TrackingError
from fasttrack.tracking.client import client
from fasttrack.tracking.registry import Registered, resolve

if TYPE_CHECKING:
    from fasttrack.store import Store
    from fasttrack.tracking.place import Place

__all__ = ["Pulled", "pull"]


@dataclass(frozen=True)
class Pulled:
    """What came: the registered version, the bundle's name and version in the store, and what was new there."""

    registered: Registered
    name: str
    version: str
    downloaded: bool
    promoted: bool


def pull(place: Place, spec: str, store: Store, *, promote: bool = False) -> Pulled:
    """Bring what `models:/NAME@ALIAS` or `models:/NAME/NUMBER` means now into `store`; what is there is not fetched.

    With `promote` it becomes the champion. Raises TrackingError, BundleError when what came is no whole bundle.
    """
    with client(place) as mlflow:
        found = resolve(mlflow, spec)
        name = found.name
        downloaded = not _holds(store, name, found.version)
        version = found.version
        if downloaded or version is None:
            bundle = _fetch(mlflow, place, found, store)
            name, version = bundle.manifest.name, bundle.manifest.version
    promoted = False
    if promote and store.champion(name) != version:
        store.promote(name, version)
        promoted = True
    return Pulled(found, name, version, downloaded, promoted)


def _holds(store: Store, name: str, version: str | None) -> bool:
    """Whether the store has this very version, whole."""
    if version is None:
        return False
    try:
        return store.open(f"{name}@{version}").manifest.version == version
    except (StoreError, BundleError):
        return False


def _fetch(mlflow: Any, place: Place, found: Registered, store: Store) -> Bundle:
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory(prefix="fasttrack-pull-") as folder:
        path = Path(download_artifacts(artifact_uri=found.uri, dst_path=folder, tracking_uri=place.uri))
        if not (path / MANIFEST).is_file():
            raise TrackingError(f"{found} is no bundle: it has no {MANIFEST}; pull one that fasttrack registered")
        came = open_bundle(path)
        if found.version not in (None, came.manifest.version):
            raise BundleError(
                f"{found} is tagged as version {found.version} and holds {came.manifest.version}; register it again"
            )
        store.check_writable(came.manifest.name)
        return store.receive(came)
