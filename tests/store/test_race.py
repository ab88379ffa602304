"""Many processes on one store, in a folder and in a bucket: one winner, nothing lost, every version whole."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fasttrack.store import open_store
from tests.store.worker import write_words

if TYPE_CHECKING:
    from fasttrack.store import Store
    from tests.store.places import Place

pytestmark = pytest.mark.system  # whole projects, kills and races: minutes, not milliseconds


ROOT = Path(__file__).parent.parent.parent


def start(work: str, location: str, *arguments: str, cache: Path | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.worker", work, location, *arguments]
    environment = dict(os.environ) if cache is None else {**os.environ, "FASTTRACK_CACHE": str(cache)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)


def test_eight_processes_at_once_lose_nothing_and_readers_see_whole_versions_only(
    store: Store, place: Place, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    reader = start("read", place.location, str(stop), cache=tmp_path / "reader")
    writers = [start("add", place.location, str(i)) for i in range(8)]
    versions = set()
    for process in writers:
        printed, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        versions.update(printed.split())
    stop.touch()
    reads, errors = reader.communicate(timeout=60)
    assert reader.returncode == 0, errors
    assert int(reads) > 0
    assert len(versions) == 8 * 2 + 1
    assert {manifest.version for manifest in store.versions("m")} == versions
    for version in versions:
        assert store.open(f"m@{version}").load_pipeline()
        store.verify("m", version)
    history = [step.version for step in store.history("m")]
    assert set(history) == versions
    assert all(one != two for one, two in itertools.pairwise(history))
    assert store.champion("m") == history[-1]
    assert not [path for path in (store.folder / "m").glob(".*") if path.is_dir() and any(path.iterdir())]


def test_of_eight_processes_that_promote_in_place_of_one_champion_one_wins(store: Store, place: Place) -> None:
    rounds = 6
    racers = [start("swap", place.location, str(i), str(rounds)) for i in range(8)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    champion = ""
    winners = []
    for _ in range(rounds):
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write(champion + "\n")
            racer.stdin.flush()
        answers = [racer.stdout.readline().split() for racer in racers if racer.stdout is not None]
        (winner,) = [version for won, version in answers if won == "1"]
        assert store.champion("m") == winner
        winners.append(winner)
        champion = winner
    for racer in racers:
        _, errors = racer.communicate(timeout=30)
        assert racer.returncode == 0, errors
    assert [step.version for step in store.history("m")] == winners


def test_a_process_killed_at_any_moment_leaves_a_store_that_serves(store: Store, place: Place, tmp_path: Path) -> None:
    seed = 20240501
    moments = random.Random(seed)
    store.point("m", store.add("m", write_words("before")).manifest.version)
    halves = 0
    for _ in range(8):
        process = start("add without end", place.location, cache=tmp_path / "killed")
        assert process.stdout is not None
        process.stdout.readline()  # it is at work
        time.sleep(moments.uniform(0, 0.06))  # not a wait for a state: any moment will do
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        halves += bool(_half_made(place, tmp_path / "killed"))
        assert store.open("m").load_pipeline(), f"seed {seed}"
        for manifest in store.versions("m"):
            store.verify("m", manifest.version)
    assert halves, "no kill hit a writer in the middle"
    other = open_store(place.location, cache=tmp_path / "killed")
    other.add("m", write_words("after"))
    assert not list((other.folder / "m").glob(".staging-*"))


def _half_made(place: Place, cache: Path) -> list[object]:
    """What a killed writer left: staging folders, and in a bucket files whose manifest is not there."""
    staged: list[object] = [*Path(place.location).glob("m/.staging-*"), *cache.glob("*/m/.staging-*")]
    files = place.files()
    homes = {name.rsplit("/", 1)[0] for name in files if name.count("/") == 2}
    return staged + [home for home in homes if f"{home}/manifest.json" not in files and "/." not in home]
