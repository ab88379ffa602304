"""Fetch a registered bundle from MLflow into a store: complete, with every digest checked, or not at all."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasttrack.bundle import MANIFEST, Bundle, open_bundle
from fasttrack.errors import BundleError, StoreError, TrackingError
from fasttrack.tracking.client import client
from fasttrack.tracking.registry import RegisteredVersion, resolve_version

if TYPE_CHECKING:
    from fasttrack.store import Store
    from fasttrack.tracking.place import Place

__all__ = ["Transfer", "fetch_version", "registered_number"]


@dataclass(frozen=True)
class Transfer:
    """A registered version and its bundle in the store. `downloaded`: it was not in the store before."""

    registered: RegisteredVersion
    name: str
    version: str
    downloaded: bool


def fetch_version(place: Place, spec: str, store: Store) -> Transfer:
    """Copy what `models:/NAME@ALIAS` or `models:/NAME/NUMBER` means now into `store`, unless the store has it.

    No alias of the store moves. Raises TrackingError when MLflow has no such version, BundleError when what it has is
    not a whole bundle.
    """
    with client(place) as mlflow:
        registered = resolve_version(mlflow, spec)
        name, version = registered.name, registered.version
        if version is not None and _holds(store, name, version):
            return Transfer(registered, name, version, downloaded=False)
        bundle = _download(mlflow, place, registered, store)
    return Transfer(registered, bundle.manifest.name, bundle.manifest.version, downloaded=True)


def registered_number(place: Place, spec: str) -> str:
    """The number of the registered version that `spec` means now. Raises TrackingError."""
    with client(place) as mlflow:
        return resolve_version(mlflow, spec).number


def _holds(store: Store, name: str, version: str) -> bool:
    """Whether the store has exactly this version, undamaged."""
    try:
        return store.open(f"{name}@{version}").manifest.version == version
    except (StoreError, BundleError):
        return False


def _download(mlflow: Any, place: Place, registered: RegisteredVersion, store: Store) -> Bundle:
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory(prefix="fasttrack-fetch-") as folder:
        path = Path(download_artifacts(artifact_uri=registered.uri, dst_path=folder, tracking_uri=place.uri))
        if not (path / MANIFEST).is_file():
            raise TrackingError(
                f"{registered} is not a bundle: it has no {MANIFEST}; pull one that fasttrack registered"
            )
        bundle = open_bundle(path)
        if registered.version not in (None, bundle.manifest.version):
            raise BundleError(
                f"{registered} is tagged as version {registered.version} and holds {bundle.manifest.version}; "
                "register it again"
            )
        store.check_writable(bundle.manifest.name)
        return store.receive(bundle)
