"""Random rows of a table that need not fit into memory, the same ones for the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fasttrack.data.part import Rows

__all__ = ["reservoir", "rows_of_groups"]

_SPARE = 4
"""Groups are read that hold this many times the rows that are wanted: neighbours are alike, so some of many."""
_FEWEST = 32
"""Groups that are read at least, where there are so many."""


def rows_of_groups(sizes: Sequence[Sequence[int]], wanted: int, seed: int) -> list[Rows]:
    """For each file, of which `sizes` are those of its groups of rows, the rows of a sample, as the group has them.

    All rows where no more are there. Otherwise the groups, in the order of the files, are cut into runs of equal
    length, and one is drawn from each run, so that every part of every file counts: so many runs that the groups drawn
    hold four times the rows that are wanted, and 32 at least. A file of which no group was drawn gives one all the
    same, as long as there are fewer files than groups drawn: small ones may hold what no other has. Of the rows of the
    groups that were drawn, each is as likely as any other.
    """
    random = np.random.default_rng(seed)
    files = np.repeat(np.arange(len(sizes)), [len(groups) for groups in sizes])
    within = np.concatenate([np.arange(len(groups)) for groups in sizes])
    rows = np.concatenate([np.asarray(groups, np.int64) for groups in sizes])
    drawn = np.arange(len(rows))
    if wanted < rows.sum():
        runs = min(len(rows), max(_FEWEST, int(np.ceil(_SPARE * wanted / rows.mean()))))
        bounds = np.linspace(0, len(rows), runs + 1)
        drawn = np.unique(np.floor(random.uniform(bounds[:-1], bounds[1:])).astype(np.int64))
        if len(sizes) <= runs:
            lacking = np.setdiff1d(files, files[drawn])
            drawn = np.append(drawn, [random.choice(np.flatnonzero(files == file)) for file in lacking]).astype(int)
        others = random.permutation(np.setdiff1d(np.arange(len(rows)), drawn))
        short = wanted - rows[drawn].sum() - np.append(0, np.cumsum(rows[others]))  # groups of unequal size
        drawn = np.sort(np.append(drawn, others[: int(np.argmax(short <= 0))]))
    ends = np.cumsum(rows[drawn])
    places = np.arange(ends[-1]) if len(ends) else np.zeros(0, np.int64)
    if wanted < len(places):
        places = np.sort(random.choice(len(places), wanted, replace=False))
    picked: list[dict[int, NDArray[np.int64]]] = [{} for _ in sizes]
    for group, end in zip(drawn, ends, strict=True):
        here = places[(places >= end - rows[group]) & (places < end)] - (end - rows[group])
        if len(here):
            picked[files[group]][int(within[group])] = here
    return list(picked)


def reservoir(batches: Iterator[pa.Table], wanted: int, seed: int) -> Iterator[pa.Table]:
    """`wanted` rows of a stream, or all it has, in their order; each is as likely as any other.

    Every row gets a random number, and those with the least are kept; at most some `wanted` and a batch at a time.
    """
    random = np.random.default_rng(seed)
    kept: list[tuple[pa.Table, NDArray[np.float64]]] = []
    held, limit = 0, 1.0
    for batch in batches:
        numbers = random.random(batch.num_rows)
        places = np.flatnonzero(numbers < limit)
        kept.append((batch.take(pa.array(places)), numbers[places]))
        held += len(places)
        if held >= 2 * wanted:
            kept, limit = _least(kept, wanted)
            held = wanted
    if held > wanted:
        kept, _ = _least(kept, wanted)
    return (table for table, _ in kept)


def _least(
    kept: list[tuple[pa.Table, NDArray[np.float64]]], wanted: int
) -> tuple[list[tuple[pa.Table, NDArray[np.float64]]], float]:
    limit = float(np.partition(np.concatenate([numbers for _, numbers in kept]), wanted)[wanted])
    left = []
    for table, numbers in kept:
        places = np.flatnonzero(numbers < limit)
        if len(places):
            left.append((table.take(pa.array(places)) if len(places) < table.num_rows else table, numbers[places]))
    return left, limit
