"""Processes that work on one store at once, started by the tests: `python -m tests.store_worker WORK STORE …`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fasttrack.bundle import Bundle, open_bundle, write_bundle
from fasttrack.store import Store
from tests.bundles import manifest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["write_words"]


def write_words(words: str) -> Callable[[Path], Bundle]:
    """A writer of a bundle that holds `words` in place of an estimator: quick, and large enough to be cut in half."""
    return lambda folder: write_bundle(folder, manifest("m"), words, others={"ballast": words.encode() * 20_000})


def add_and_promote(store: Store, who: str) -> None:
    """Add three versions, of which one is everybody's, and promote each."""
    for i in range(3):
        words = f"{who}-{i}" if i else "shared"
        bundle = store.add("m", write_words(words))
        store.promote("m", bundle.manifest.version)
        print(bundle.manifest.version, flush=True)  # noqa: T201  # this is what the test reads


def read_until(store: Store, stop: Path) -> None:
    """Open the champion over and over; each time it must be whole."""
    reads = 0
    while not stop.exists():
        if store.names() and store.champion("m"):
            assert store.open("m").load_pipeline()
            for version in store.versions("m"):
                open_bundle(store.root / "m" / version.version)
            reads += 1
    print(reads)  # noqa: T201  # this is what the test reads


def add_without_end(store: Store) -> None:
    """Add and promote until killed."""
    i = 0
    while True:
        bundle = store.add("m", write_words(f"version {i % 50}"))
        store.promote("m", bundle.manifest.version)
        print(i, flush=True)  # noqa: T201  # this is what the test reads
        i += 1


if __name__ == "__main__":
    work, root, *rest = sys.argv[1:]
    if work == "add":
        add_and_promote(Store(root), rest[0])
    elif work == "read":
        read_until(Store(root), Path(rest[0]))
    else:
        add_without_end(Store(root))
