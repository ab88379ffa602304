"""Leaks: planted ones are found, honest tables are left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fasttrack.understanding.leaks import find_leaks, find_parts_of_target, signed_sum
from tests.understanding.tables import honest_table, planted_leak

SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_planted_leak_is_named(seed: int) -> None:
    frame, y = planted_leak(seed)
    leaks = find_leaks(frame, y, regression=seed % 2 == 0)
    assert [leak.column for leak in leaks] == ["leak"]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_honest_table_has_no_leak(seed: int) -> None:
    frame, y = honest_table(seed)
    assert find_leaks(frame, y, regression=seed % 2 == 0) == []
    if seed % 2 == 0:
        assert find_parts_of_target(frame, y) == []


def test_a_lone_feature_is_no_leak() -> None:
    x = pd.Series(np.linspace(0, 1, 100))
    assert find_leaks(x.to_frame("x"), 2 * x + 1, regression=True) == []


def test_repeated_rows_do_not_make_a_leak() -> None:
    random = np.random.default_rng(0)
    base = pd.DataFrame({"a": random.normal(size=60), "b": random.normal(size=60)})
    frame = pd.concat([base] * 12, ignore_index=True)
    y = pd.Series(np.tile(random.normal(size=60), 12))
    codes = np.tile(np.arange(60), 12)
    assert find_leaks(frame, y, regression=True, together=codes) == []
    assert find_leaks(frame, y, regression=True) != []  # what the codes are for


def test_parts_of_the_target_are_found_with_their_signs() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"casual": random.integers(0, 200, 300), "registered": random.integers(0, 900, 300)})
    frame["hour"], frame["returns"] = random.integers(0, 24, 300), random.random(300).round(2)
    total = frame["casual"] + frame["registered"]
    assert signed_sum(find_parts_of_target(frame, total)) == "'casual' + 'registered'"
    assert signed_sum(find_parts_of_target(frame, total - frame["returns"])) == "'casual' + 'registered' − 'returns'"
    assert find_parts_of_target(frame, total + random.normal(size=300)) == []
    assert find_parts_of_target(frame, 2 * frame["casual"] + frame["registered"]) == []
