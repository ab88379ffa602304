"""Processes that work on one store at once, started by the tests: `python -m tests.store.worker WORK STORE …`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fasttrack.bundle import Bundle, write_bundle
from fasttrack.store import copy_version, open_store
from tests.bundles import manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.store import Store

__all__ = ["write_words"]


def write_words(words: str, *, files: int = 1) -> Callable[[Path], Bundle]:
    """A writer of a bundle that holds `words` in place of an estimator: quick, and large enough to be cut in half."""
    ballast = {f"ballast-{i}" if i else "ballast": words.encode() * (20_000 + i) for i in range(files)}
    return lambda folder: write_bundle(folder, manifest("m"), words, others=ballast)


def add_and_promote(store: Store, who: str) -> None:
    """Add three versions, of which one is everybody's, and promote each."""
    for i in range(3):
        words = f"{who}-{i}" if i else "shared"
        bundle = store.add("m", write_words(words))
        store.point("m", bundle.manifest.version)
        print(bundle.manifest.version, flush=True)  # noqa: T201  # this is what the test reads


def swap(store: Store, who: str, rounds: int) -> None:
    """For each line on stdin, try to be the one that promotes in place of the champion that it names."""
    own = [store.add("m", write_words(f"{who} in round {i}")).manifest.version for i in range(rounds)]
    print("ready", flush=True)  # noqa: T201  # this is what the test reads
    for version, champion in zip(own, sys.stdin, strict=False):
        won = store.point_if("m", version, expected=champion.strip() or None)
        print(f"{int(won)} {version}", flush=True)  # noqa: T201  # this is what the test reads


def read_until(store: Store, stop: Path) -> None:
    """Open the champion over and over; each time it must be whole."""
    reads = 0
    while not stop.exists():
        if store.names() and store.champion("m"):
            assert store.open("m").load_pipeline()
            for version in store.versions("m"):
                store.fetch("m", version.version)
            reads += 1
    print(reads)  # noqa: T201  # this is what the test reads


def add_without_end(store: Store) -> None:
    """Add and promote until killed."""
    i = 0
    while True:
        bundle = store.add("m", write_words(f"version {i % 50}"))
        store.point("m", bundle.manifest.version)
        print(i, flush=True)  # noqa: T201  # this is what the test reads
        i += 1


def die_when_sending(store: Store) -> None:
    """Add a version, and be killed with the first bytes that are on their way."""

    def strike(done: int, total: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def write(folder: Path) -> Bundle:
        bundle = write_words("unsent")(folder)
        print(bundle.manifest.version, flush=True)  # noqa: T201  # this is what the test reads
        return bundle

    store.add("m", write, strike)


def copy(source: Store, spec: str, to: str) -> None:
    """Copy a version, telling how far it is."""
    print("begun", flush=True)  # noqa: T201  # this is what the test reads
    copy_version(source, spec, open_store(to), lambda done, total: print(done, total, flush=True))  # noqa: T201


if __name__ == "__main__":
    work, location, *rest = sys.argv[1:]
    here = open_store(location)
    if work == "add":
        add_and_promote(here, rest[0])
    elif work == "swap":
        swap(here, rest[0], int(rest[1]))
    elif work == "read":
        read_until(here, Path(rest[0]))
    elif work == "die when sending":
        die_when_sending(here)
    elif work == "copy":
        copy(here, rest[0], rest[1])
    else:
        add_without_end(here)
