"""A training that is killed at any moment leaves the store as it was."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import fasttrack
from fasttrack.store import Store

COMMAND = str(Path(sys.executable).with_name("fasttrack"))
KILLS = 50


def test_fifty_kills_at_random_moments_leave_the_store_serving_what_it_served(tmp_path: Path) -> None:
    rows = "".join(f"{i},{'uvw'[i % 3]},{i * 2 + (i % 3)}\n" for i in range(200))
    table = tmp_path / "table.csv"
    table.write_text("a,b,y\n" + rows)
    root = tmp_path / "store"
    served = fasttrack.train(table, "y", estimator="linear", store=root).manifest.version
    store = Store(root)
    answer = store.open("table").manifest

    def start(seed: int) -> subprocess.Popen[bytes]:
        # another seed gives another version, so that every run really writes
        config = tmp_path / f"{seed}.toml"
        config.write_text(
            f'name = "table"\npromote = "never"\n[data]\nsource = "table.csv"\ntarget = "y"\n'
            f'[split]\nseed = {seed}\n[model]\nestimator = "linear"\n'
        )
        command = [COMMAND, "train", str(config), "--store", str(root)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    began = time.monotonic()
    assert start(1000).wait(120) == 0
    whole = time.monotonic() - began
    dice = random.Random(0)
    for number in range(KILLS):
        process = start(number)
        # most of a run is imports: half of the kills fall into its last fifth, where it writes
        moment = dice.uniform(0.8, 1.0) if number % 2 else dice.uniform(0, 1.0)
        try:
            process.wait(whole * moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert store.champion("table") == served
        assert store.open("table").manifest == answer
        for manifest in store.versions("table"):
            store.open(f"table@{manifest.version}")
    # what the killed ones left is swept by the next that writes
    assert start(2000).wait(120) == 0
    assert not list(root.glob("*/.staging-*"))
