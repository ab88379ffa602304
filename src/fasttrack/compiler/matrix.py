"""Columns → operators: the float64 matrix that they stand for, or its product with weights, in few operators."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.columns import Block, Columns, Number, Table
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.steps import run_graph

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray
    from spox import Var

__all__ = ["as_block", "as_matrix", "laid_out", "picked", "product", "side_by_side"]

_Cell = TypeVar("_Cell", bound=np.generic)

_LARGEST_TABLE = 1 << 24
"""Cells; more would make a model of over 128 MB."""


@dataclass(frozen=True)
class _Part:
    """Columns of the matrix that are computed together, and where they belong."""

    var: Var
    positions: list[int]


def as_matrix(x: Columns) -> Var:
    """float64[n, k] for k columns."""
    if not len(x):
        raise NotCompilable("no column is left to compute with")
    parts = [*_number_parts(x), *_table_parts(x)]
    joined = parts[0].var if len(parts) == 1 else op.concat([part.var for part in parts], axis=1)
    order = [position for part in parts for position in part.positions]
    return joined if order == sorted(order) else op.gather(joined, _indices(np.argsort(order)), axis=1)


def as_block(x: Columns) -> Block:
    """The matrix as a block of its own."""
    return Block(as_matrix(x), len(x))


def laid_out(cells: NDArray[_Cell]) -> NDArray[_Cell]:
    """A table's cells, missing first, then unseen, then the codes from 0 on: a row's place is its code and 2."""
    return np.concatenate([cells[:-3:-1], cells[:-2]])


def side_by_side(blocks: Iterable[Block]) -> Var:
    """float64[n, k]: the columns of the blocks, of which there is one at least."""
    joined = [block.var for block in blocks]
    return joined[0] if len(joined) == 1 else op.concat(joined, axis=1)


def product(x: Columns, weights: NDArray[np.float64]) -> Var:
    """float64[n, m]: the matrix times `weights` float64[k, m]. A category adds its share straight from a table."""
    weights = np.asarray(weights, dtype=np.float64)
    terms = [op.matmul(part.var, op.const(weights[part.positions])) for part in _number_parts(x)]
    for block, members in _tables(x).items():
        shares: dict[int, NDArray[np.float64]] = {}
        for position, table in members:
            with np.errstate(all="ignore"):
                share = np.outer(table.numbers(), weights[position])
            shares[table.index] = shares[table.index] + share if table.index in shares else share
        rows = op.gather(
            op.const(np.vstack([laid_out(share) for share in shares.values()])), _rows(block, shares), axis=0
        )
        terms.append(op.reduce_sum(rows, op.const(np.array([1])), keepdims=False))
    if not terms:
        raise NotCompilable("no column is left to compute with")
    total = terms[0]
    for term in terms[1:]:
        total = op.add(total, term)
    return total


def picked(block: Block, indices: Sequence[int]) -> Var:
    """float64[n, k]: the columns of `block` at `indices`."""
    if list(indices) == list(range(block.width)):
        return block.var
    first, last = indices[0], indices[-1] + 1
    if list(indices) == list(range(first, last)):
        starts, ends, axes = (op.const(np.array([bound])) for bound in (first, last, 1))
        return op.slice(block.var, starts, ends, axes)
    return op.gather(block.var, _indices(indices), axis=1)


def _indices(values: Sequence[int] | NDArray[np.intp]) -> Var:
    return op.const(np.asarray(values, dtype=np.int64))


def _number_parts(x: Columns) -> list[_Part]:
    groups: dict[Hashable, list[tuple[int, Number]]] = defaultdict(list)
    for position, feature in enumerate(x.numeric()):
        if isinstance(feature, Number):
            kinds = tuple((step.operation, len(step.constants)) for step in feature.steps)
            groups[feature.block, kinds].append((position, feature))
    return [_number_part(members) for members in groups.values()]


def _number_part(members: list[tuple[int, Number]]) -> _Part:
    var = picked(members[0][1].block, [number.index for _, number in members])
    return _Part(run_graph([number.steps for _, number in members], var), [position for position, _ in members])


def _tables(x: Columns) -> dict[Block, list[tuple[int, Table]]]:
    groups: dict[Block, list[tuple[int, Table]]] = defaultdict(list)
    for position, feature in enumerate(x):
        if isinstance(feature, Table):
            groups[feature.block].append((position, feature))
    return groups


def _table_parts(x: Columns) -> list[_Part]:
    return [_table_part(block, members) for block, members in _tables(x).items()]


def _table_part(block: Block, members: list[tuple[int, Table]]) -> _Part:
    """All tables of a block end to end; every column looks into its own."""
    cells = [table.numbers() for _, table in members]
    if sum(map(len, cells)) > _LARGEST_TABLE:
        raise NotCompilable("categories make a table of more than 16 million cells; encode rare ones together")
    indices = [table.index for _, table in members]
    rows = _row_numbers(picked(block, indices), [len(column) for column in cells])
    return _Part(
        op.gather(op.const(np.concatenate([laid_out(column) for column in cells])), rows, axis=0),
        [position for position, _ in members],
    )


def _rows(block: Block, tables: dict[int, NDArray[np.float64]]) -> Var:
    return _row_numbers(picked(block, list(tables)), [len(table) for table in tables.values()])


def _row_numbers(codes: Var, sizes: Sequence[int]) -> Var:
    """int64[n, k]: where each code's row is, in tables of `sizes` rows in the order of `laid_out`, end to end."""
    starts = np.concatenate([[0.0], np.cumsum(sizes)[:-1]])
    numbered = op.where(op.isnan(codes), op.const(-2.0), codes)
    return op.cast(op.add(numbered, op.const(starts + 2)), to=np.int64)
