"""Random rows of a table that need not fit into memory; the same seed gives the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fasttrack.data.part import GroupRows

__all__ = ["reservoir_sample", "sample_groups"]

_OVERSAMPLING = 4
"""The groups that are read have this many times the rows of the sample: neighbouring rows are alike, so many groups."""
_MIN_GROUPS = 32
"""The groups that are read at least, if there are so many."""


def sample_groups(sizes: Sequence[Sequence[int]], size: int, seed: int) -> list[GroupRows]:
    """For each file, with `sizes` the rows of each of its groups, the rows of a sample of `size` rows by group.

    All rows if there are no more. Otherwise the groups, in the order of the files, are cut into runs of equal length,
    and one group is drawn from each run, so that every part of every file is represented. There are so many runs that
    the groups drawn have four times the rows of the sample, and at least 32. A file of which no group was drawn adds
    one, as long as there are fewer files than runs: a small file may hold what no other does. Of the rows of the groups
    drawn, each is equally likely.
    """
    random = np.random.default_rng(seed)
    files = np.repeat(np.arange(len(sizes)), [len(groups) for groups in sizes])
    numbers = np.concatenate([np.arange(len(groups)) for groups in sizes])
    rows = np.concatenate([np.asarray(groups, np.int64) for groups in sizes])
    drawn = _draw_groups(files, rows, len(sizes), size, random) if size < rows.sum() else np.arange(len(rows))
    ends = np.cumsum(rows[drawn])
    places = np.arange(ends[-1]) if len(ends) else np.zeros(0, np.int64)
    if size < len(places):
        places = np.sort(random.choice(len(places), size, replace=False))
    sample: list[dict[int, NDArray[np.int64]]] = [{} for _ in sizes]
    for group, end in zip(drawn, ends, strict=True):
        start = end - rows[group]
        in_group = places[(places >= start) & (places < end)] - start
        if len(in_group):
            sample[files[group]][int(numbers[group])] = in_group
    return list(sample)


def _draw_groups(
    files: NDArray[np.int64], rows: NDArray[np.int64], n_files: int, size: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Which groups, ascending, are read; `files` and `rows` give each group's file and number of rows."""
    runs = min(len(rows), max(_MIN_GROUPS, int(np.ceil(_OVERSAMPLING * size / rows.mean()))))
    bounds = np.linspace(0, len(rows), runs + 1)
    drawn = np.unique(np.floor(random.uniform(bounds[:-1], bounds[1:])).astype(np.int64))
    if n_files <= runs:
        without = np.setdiff1d(files, files[drawn])
        drawn = np.append(drawn, [random.choice(np.flatnonzero(files == file)) for file in without]).astype(int)
    others = random.permutation(np.setdiff1d(np.arange(len(rows)), drawn))
    missing = size - rows[drawn].sum() - np.append(0, np.cumsum(rows[others]))  # when groups differ much in size
    return np.sort(np.append(drawn, others[: int(np.argmax(missing <= 0))]))


def reservoir_sample(batches: Iterator[pa.Table], size: int, seed: int) -> Iterator[pa.Table]:
    """`size` rows of a stream, or all it has, in their order; each row is equally likely.

    Every row gets a random number, and the rows with the smallest are kept. At most twice `size` rows and one batch are
    in memory.
    """
    random = np.random.default_rng(seed)
    kept: list[tuple[pa.Table, NDArray[np.float64]]] = []
    n_kept, limit = 0, 1.0
    for batch in batches:
        numbers = random.random(batch.num_rows)
        places = np.flatnonzero(numbers < limit)
        kept.append((batch.take(pa.array(places)), numbers[places]))
        n_kept += len(places)
        if n_kept >= 2 * size:
            kept, limit = _keep_smallest(kept, size)
            n_kept = size
    if n_kept > size:
        kept, _ = _keep_smallest(kept, size)
    return (table for table, _ in kept)


def _keep_smallest(
    kept: list[tuple[pa.Table, NDArray[np.float64]]], size: int
) -> tuple[list[tuple[pa.Table, NDArray[np.float64]]], float]:
    """The `size` rows with the smallest numbers, and the smallest number that was dropped."""
    limit = float(np.partition(np.concatenate([numbers for _, numbers in kept]), size)[size])
    smallest = []
    for table, numbers in kept:
        places = np.flatnonzero(numbers < limit)
        if len(places):
            rows = table.take(pa.array(places)) if len(places) < table.num_rows else table
            smallest.append((rows, numbers[places]))
    return smallest, limit
