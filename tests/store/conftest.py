"""A store in a folder, and one in a bucket of each kind of object storage."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from fasttrack.store import Store, open_store
from tests.store.places import Files, Folder, Objects, Place

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.azure_store import AzureStore
    from tests.servers.google_store import GoogleStore
    from tests.servers.object_store import ObjectStore


@pytest.fixture
def objects(s3: ObjectStore, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """A place in a bucket, and a cache of the test's own."""
    monkeypatch.setenv("FASTTRACK_CACHE", str(tmp_path / "cache"))
    return Objects(f"s3://{bucket}/{uuid.uuid4().hex[:8]}/models", s3.client())


@pytest.fixture
def blobs(azure: AzureStore, container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """A place in a container of Azure's, and a cache of the test's own."""
    monkeypatch.setenv("FASTTRACK_CACHE", str(tmp_path / "cache"))
    return Files(f"az://{container}/{uuid.uuid4().hex[:8]}/models", azure.client())


@pytest.fixture
def google_objects(google: GoogleStore, google_bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """A place in a bucket of Google's, where writes are translated, and a cache of the test's own."""
    monkeypatch.setenv("FASTTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", google.translator.endpoint)
    return Files(f"gs://{google_bucket}/{uuid.uuid4().hex[:8]}/models", google.client())


@pytest.fixture(params=["folder", "objects", "google_objects", pytest.param("blobs", marks=pytest.mark.system)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each kind of place; nothing is there yet."""
    if request.param == "folder":
        return Folder(str(tmp_path / "model"))
    place: Place = request.getfixturevalue(request.param)
    return place


@pytest.fixture
def store(place: Place) -> Store:
    return open_store(place.location)
