"""What names a store, and where its files are on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from fasttrack.journal import journal_location
from fasttrack.store import LocalStore, local_folder, open_store
from tests.store.places import error_text


def test_a_folder_is_a_store_as_text_or_as_a_path(tmp_path: Path) -> None:
    for location in (tmp_path, str(tmp_path)):
        store = open_store(location)
        assert isinstance(store, LocalStore)
        assert (store.folder, store.location) == (tmp_path, str(tmp_path))


@pytest.mark.parametrize(
    "location", ["ftp://host/models", "https://host/models", "s3://", "s3:///models", "s3://bucket/models?x=1"]
)
def test_another_url_is_no_store(location: str) -> None:
    assert "cannot hold models; use a folder, s3://BUCKET/PREFIX" in error_text(lambda: open_store(location))


def test_a_url_that_was_made_a_path_is_refused_before_it_becomes_a_folder() -> None:
    assert error_text(lambda: open_store(Path("s3://bucket/models"))) == (
        "s3:/bucket/models is a Path, which loses a slash of a URL; give the URL of an object storage as text"
    )


@pytest.mark.parametrize("key", ["AKIA:geheim", "AKIA:12/geheim", "geheim"])
def test_a_key_in_the_address_is_refused_without_repeating_it(key: str) -> None:
    message = error_text(lambda: open_store(f"s3://{key}@bucket/models"))
    assert "geheim" not in message
    assert "AWS_ACCESS_KEY_ID" in message


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("FASTTRACK_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    location = "s3://bucket/some/models"
    name = local_folder(location).name
    assert name.startswith("s3-bucket-some-models-")
    assert local_folder(location).parent == tmp_path / ".cache" / "fasttrack"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert local_folder(location).parent == tmp_path / "xdg" / "fasttrack"
    monkeypatch.setenv("FASTTRACK_CACHE", str(tmp_path / "own"))
    assert local_folder(location + "/") == tmp_path / "own" / name
    assert local_folder(location, cache=tmp_path).parent == tmp_path
    assert journal_location("on", location) == str(tmp_path / "own" / name / "journal.sqlite")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    assert local_folder(location).name != name, "another server may have a bucket of the same name"


@pytest.mark.parametrize(
    ("location", "advice"),
    [("gs://bucket/models", "GOOGLE_APPLICATION_CREDENTIALS"), ("az://container/models", "AZURE_STORAGE_ACCOUNT_NAME")],
)
def test_other_storages_are_asked_by_the_same_client(
    location: str, advice: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only what happens before a request can be tested without their servers."""
    monkeypatch.setenv("FASTTRACK_CACHE", str(tmp_path))
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "AZURE_STORAGE_ACCOUNT_NAME"):
        monkeypatch.delenv(name, raising=False)
    if location.startswith("az:"):
        message = error_text(lambda: open_store(location))
        assert message.startswith(f"store {location} cannot be used: ")
        assert advice in message
    else:
        assert open_store(location).location == location
