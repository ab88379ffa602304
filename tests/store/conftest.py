"""A store in a folder, and one in a bucket of a real object storage."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from fasttrack.store import Store, open_store
from tests.store.places import Folder, Objects, Place

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.object_store import ObjectStore


@pytest.fixture
def objects(s3: ObjectStore, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """A place in a bucket, and a cache of the test's own."""
    monkeypatch.setenv("FASTTRACK_CACHE", str(tmp_path / "cache"))
    return Objects(f"s3://{bucket}/{uuid.uuid4().hex[:8]}/models", s3.client())


@pytest.fixture(params=["folder", "objects"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Either kind of place; nothing is there yet."""
    if request.param == "folder":
        return Folder(str(tmp_path / "model"))
    found: Objects = request.getfixturevalue("objects")
    return found


@pytest.fixture
def store(place: Place) -> Store:
    return open_store(place.location)
