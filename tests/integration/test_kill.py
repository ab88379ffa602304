"""A training that is killed at any moment leaves the store as it was."""

from __future__ import annotations

import multiprocessing
import random
import time
from typing import TYPE_CHECKING

import pytest

import fasttrack
from fasttrack.store import open_store

if TYPE_CHECKING:
    from pathlib import Path


def train(table: Path, store: Path, seed: int) -> None:
    # another seed gives another version, so that every run really writes
    config = table.with_name(f"{seed}.toml")
    config.write_text(
        f'name = "table"\npromote = "always"\n[data]\nsource = "table.csv"\ntarget = "y"\n'
        f'[split]\nseed = {seed}\n[model]\nestimator = "linear"\n'
    )
    fasttrack.train(config, store=store)


@pytest.mark.parametrize("kills", [8, pytest.param(50, marks=pytest.mark.system)])
def test_kills_at_random_moments_leave_a_store_that_serves(tmp_path: Path, kills: int) -> None:
    rows = "".join(f"{i},{'uvw'[i % 3]},{i * 2 + (i % 3)}\n" for i in range(200))
    table = tmp_path / "table.csv"
    table.write_text("a,b,y\n" + rows)
    root = tmp_path / "store"
    store = open_store(root)
    # each training is a process of its own; it starts with the imports done, so that every moment is one of work
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fasttrack.jobs.train"])

    def run(seed: int) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=train, args=(table, root, seed))
        process.start()
        return process

    run(1000).join(120)
    began = time.monotonic()
    run(1001).join(120)
    whole = time.monotonic() - began
    served = store.champion("table")
    assert served is not None
    dice = random.Random(0)
    killed = seed = 0
    while killed < kills:
        assert seed < 2 * kills, "trainings end before they are killed"
        process = run(seed)
        # half of the kills fall into the last part of a run, where it writes
        process.join(whole * (dice.uniform(0.6, 1.0) if seed % 2 else dice.uniform(0.0, 1.0)))
        caught = process.is_alive()
        killed += caught
        whole *= 1.02 if caught else 0.9  # other work on the machine comes and goes
        process.kill()
        process.join()
        champion = store.champion("table")
        if process.exitcode != 0 and champion != served:
            # killed after it had promoted: then its version is whole
            assert champion == store.versions("table")[-1].version
        served = champion
        store.open("table").load_pipeline()
        for manifest in store.versions("table"):
            store.open(f"table@{manifest.version}")
        seed += 1
    # what the killed ones left is swept by the next that writes
    last = run(2000)
    last.join(120)
    assert last.exitcode == 0
    assert not list(root.glob("*/.staging-*"))
