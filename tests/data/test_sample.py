"""Samples are as large as asked, the same for a seed, spread over the table, and drawn from a part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.data import read_table
from fasttrack.data.sample import reservoir_sample, sample_groups
from tests.data.files import write

if TYPE_CHECKING:
    from pathlib import Path


def read_groups(sizes: list[list[int]], wanted: int, seed: int) -> tuple[int, int]:
    """How many groups and files a sample takes from."""
    picked = sample_groups(sizes, wanted, seed)
    return sum(map(len, picked)), sum(map(bool, picked))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ([[100] * 10] * 10, 50),
        ([[1], [1000], [3, 5000, 2]], 900),
        ([[10]] * 500, 300),
        ([[7]], 7),
        ([[], [4, 0, 4], []], 5),
        ([[1] * 100], 60),
        ([[10_000, 1, 1, 1] * 20], 30_000),
    ],
)
def test_a_sample_of_groups_is_of_that_size_without_a_row_twice(sizes: list[list[int]], wanted: int, seed: int) -> None:
    picked = sample_groups(sizes, wanted, seed)
    assert len(picked) == len(sizes)
    assert sum(len(rows) for groups in picked for rows in groups.values()) == min(wanted, sum(map(sum, sizes)))
    for groups, those in zip(picked, sizes, strict=True):
        for group, rows in groups.items():
            assert len(np.unique(rows)) == len(rows)
            assert (np.diff(rows) > 0).all()
            assert rows.min() >= 0
            assert rows.max() < those[group]
    again = sample_groups(sizes, wanted, seed)
    assert [list(groups) for groups in picked] == [list(groups) for groups in again]


def test_all_rows_are_taken_where_no_more_are_there() -> None:
    picked = sample_groups([[3], [2, 2]], 100, 0)
    assert [{group: rows.tolist() for group, rows in groups.items()} for groups in picked] == [
        {0: [0, 1, 2]},
        {0: [0, 1], 1: [0, 1]},
    ]


def test_every_file_counts_and_most_groups_are_left_alone() -> None:
    groups, files = read_groups([[100_000] * 50] * 10, 20_000, 0)
    assert (groups <= 42, files) == (True, 10)
    groups, files = read_groups([[1000] * 500, [500]], 5000, 0)
    assert (groups <= 33, files) == (True, 2)


def test_every_row_is_as_likely_as_any_other() -> None:
    counts = np.zeros(4000)
    for seed in range(400):
        for file, groups in enumerate(sample_groups([[10] * 100] * 4, 200, seed)):
            for group, rows in groups.items():
                counts[file * 1000 + group * 10 + rows] += 1
    expected = 400 * 200 / 4000
    assert counts.sum() == 400 * 200
    # of 4000 counts that are nearly Poisson none is far from its mean; nor is any tenth of the table
    assert counts.max() < expected + 8 * np.sqrt(expected)
    assert abs(counts.reshape(10, 400).mean(axis=1) - expected).max() < 2


def test_a_reservoir_does_not_depend_on_the_batches() -> None:
    table = pa.table({"i": range(10_000)})
    drawn = []
    for size in (7, 1000, 10_000):
        batches = (table.slice(start, size) for start in range(0, 10_000, size))
        drawn.append(pa.concat_tables(reservoir_sample(batches, 300, 0)).column("i").to_pylist())
    assert drawn[0] == drawn[1] == drawn[2] == sorted(set(drawn[0]))
    assert len(drawn[0]) == 300
    assert abs(np.mean(drawn[0]) - 5000) < 700
    assert pa.concat_tables(reservoir_sample(iter([table]), 20_000, 0)).equals(table)


def test_a_sample_of_parquet_reads_few_groups(tmp_path: Path) -> None:
    for number in range(4):
        table = pa.table({"i": range(number * 100_000, (number + 1) * 100_000)})
        pq.write_table(table, tmp_path / f"{number}.parquet", row_group_size=1000)
    some = read_table(tmp_path, rows=500)
    cells = np.array(some.column("i").to_pylist())
    assert len(np.unique(cells)) == 500
    assert (np.diff(cells) > 0).all()
    assert len(np.unique(cells // 1000)) <= 36  # of 400 groups
    assert set(np.unique(cells // 100_000)) == {0, 1, 2, 3}
    assert some.equals(read_table(tmp_path, rows=500))
    assert not some.equals(read_table(tmp_path, rows=500, seed=1))
    assert read_table(tmp_path, rows=10**9).num_rows == 400_000


def test_text_files_are_sampled_too(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path, f"{number}.csv", "i\n" + "".join(f"{i}\n" for i in range(number * 100, number * 100 + 100)))
    cells = read_table(tmp_path, rows=60).column("i").to_pylist()
    assert cells == sorted(set(cells))
    assert len(cells) == 60
    assert {cell // 100 for cell in cells} == {0, 1, 2}
