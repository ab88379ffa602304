"""The places that a store can be in, with a hand in each that reaches past the store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fasttrack.errors import FastTrackError, StoreError
from tests.bundles import line, writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.store import Store

import pytest

__all__ = ["Files", "Folder", "Objects", "Place", "add", "error_text", "step_back"]


class Place(Protocol):
    """Where a store is, and what others may do to it."""

    @property
    def location(self) -> str: ...

    def read(self, path: str) -> bytes: ...

    def write(self, path: str, content: bytes) -> None: ...

    def move(self, path: str, to: str) -> None: ...

    def files(self) -> list[str]: ...


@dataclass(frozen=True)
class Folder:
    location: str

    def read(self, path: str) -> bytes:
        return (Path(self.location) / path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        (Path(self.location) / path).write_bytes(content)

    def move(self, path: str, to: str) -> None:
        shutil.move(Path(self.location) / path, Path(self.location) / to)

    def files(self) -> list[str]:
        root = Path(self.location)
        paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file() and path.name != ".lock")
        return sorted(map(str, paths))


@dataclass(frozen=True)
class Objects:
    location: str
    client: Any

    @property
    def bucket(self) -> str:
        return self.location.split("/")[2]

    @property
    def prefix(self) -> str:
        return self.location.split("/", 3)[3] + "/"

    def read(self, path: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.bucket, Key=self.prefix + path)["Body"].read()
        return content

    def write(self, path: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + path, Body=content)

    def remove(self, path: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=self.prefix + path)

    def move(self, path: str, to: str) -> None:
        for name in self.files():
            if name == path or name.startswith(path + "/"):
                self.write(to + name.removeprefix(path), self.read(name))
                self.remove(name)

    def files(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        paths = (entry["Key"].removeprefix(self.prefix) for page in pages for entry in page.get("Contents", []))
        return sorted(name for name in paths if name != ".writable")


@dataclass(frozen=True)
class Files:
    """Objects below a URL, reached as a file system of pyarrow's."""

    location: str
    client: Any

    @property
    def root(self) -> str:
        return self.location.partition("://")[2]

    def read(self, path: str) -> bytes:
        with self.client.open_input_stream(f"{self.root}/{path}", compression=None) as stream:
            content: bytes = stream.read()
        return content

    def write(self, path: str, content: bytes) -> None:
        with self.client.open_output_stream(f"{self.root}/{path}", compression=None) as stream:
            stream.write(content)

    def remove(self, path: str) -> None:
        self.client.delete_file(f"{self.root}/{path}")

    def move(self, path: str, to: str) -> None:
        for name in self.files():
            if name == path or name.startswith(path + "/"):
                self.write(to + name.removeprefix(path), self.read(name))
                self.remove(name)

    def files(self) -> list[str]:
        from pyarrow import fs  # here: every session of tests loads this module

        below = self.client.get_file_info(fs.FileSelector(self.root, recursive=True, allow_not_found=True))
        paths = (info.path.removeprefix(f"{self.root}/") for info in below if info.type == fs.FileType.File)
        return sorted(name for name in paths if name != ".writable")


def add(store: Store, slope: float, name: str = "line") -> str:
    created = f"2024-01-01T00:00:{int(slope):02d}.000+00:00"
    return store.add(name, writer(line(slope), name, created=created)).manifest.version


def step_back(store: Store, name: str = "line") -> tuple[str, str]:
    """Take back the last promotion; from which version to which."""
    now, before = store.previous(name)
    assert store.point_back(name, expected=now)
    return now, before


def error_text(do: Callable[[], object], kind: type[FastTrackError] = StoreError) -> str:
    with pytest.raises(kind) as caught:
        do()
    assert "\n" not in str(caught.value)
    return str(caught.value)
