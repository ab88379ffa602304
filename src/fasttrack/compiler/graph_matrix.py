"""From symbolic columns to operators: their float64 matrix, or its product with weights, in few operators."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.columns import Block, CodedColumn, Columns, NumberColumn
from fasttrack.compiler.elementwise import apply_in_graph
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.text_features import TextBlock

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray
    from spox import Var

__all__ = [
    "as_block",
    "as_column",
    "as_matrix",
    "concat_blocks",
    "gather_columns",
    "lookup_order",
    "matrix_product",
    "squeeze_column",
    "take_column",
]

_Cell = TypeVar("_Cell", bound=np.generic)

_LINEAR = frozenset(("*", "/", "fill"))
"""Steps of which all together are one factor, for a number that is never missing."""
_MAX_TABLE_CELLS = 1 << 24
"""More cells would make a model of over 128 MB."""


@dataclass(frozen=True)
class _Part:
    """Columns of the matrix that are computed together, and their positions in it."""

    var: Var
    positions: list[int]


def as_matrix(x: Columns) -> Var:
    """float64[n, k]: the k columns `x`, computed."""
    if not len(x):
        raise NotCompilable("no column is left to compute with")
    parts = [*_number_parts(x), *_coded_parts(x)]
    joined = parts[0].var if len(parts) == 1 else op.concat([part.var for part in parts], axis=1)
    order = [position for part in parts for position in part.positions]
    return joined if order == sorted(order) else op.gather(joined, _index_constant(np.argsort(order)), axis=1)


def as_block(x: Columns) -> Block:
    """`as_matrix` as a block."""
    return Block(as_matrix(x), len(x))


def lookup_order(cells: NDArray[_Cell]) -> NDArray[_Cell]:
    """A CodedColumn's cells in the order missing, unseen, code 0, 1, …: the cell of code c is at index c + 2."""
    return np.concatenate([cells[:-3:-1], cells[:-2]])


def concat_blocks(blocks: Iterable[Block | TextBlock]) -> Var:
    """float64[n, k]: the columns of all `blocks`, of which there must be at least one."""
    joined = [block.var for block in blocks]
    return joined[0] if len(joined) == 1 else op.concat(joined, axis=1)


def matrix_product(x: Columns, weights: NDArray[np.float64]) -> Var:
    """float64[n, m]: the matrix of `x` times `weights`, float64[k, m].

    The contribution of a CodedColumn is looked up in a table of its cells times their weights.
    """
    weights = np.asarray(weights, dtype=np.float64)
    terms, others = _text_products(x, weights)
    terms += [op.matmul(part.var, op.const(weights[part.positions])) for part in _number_parts(x, others)]
    for block, members in _coded_by_block(x).items():
        tables: dict[int, NDArray[np.float64]] = {}
        for position, column in members:
            with np.errstate(all="ignore"):
                table = np.outer(column.numeric_cells(), weights[position])
            tables[column.index] = tables[column.index] + table if column.index in tables else table
        codes = gather_columns(block, list(tables))
        indices = _table_indices(codes, [len(table) for table in tables.values()])
        rows = op.gather(op.const(np.vstack([lookup_order(table) for table in tables.values()])), indices, axis=0)
        terms.append(op.reduce_sum(rows, op.const(np.array([1])), keepdims=False))
    if not terms:
        raise NotCompilable("no column is left to compute with")
    total = terms[0]
    for term in terms[1:]:
        total = op.add(total, term)
    return total


def gather_columns(block: Block | TextBlock, indices: Sequence[int]) -> Var:
    """float64[n, k]: the columns of `block` at `indices`."""
    if isinstance(block, TextBlock):
        return block.take(indices)
    if list(indices) == list(range(block.width)):
        return block.var
    first, last = indices[0], indices[-1] + 1
    if list(indices) == list(range(first, last)):
        starts, ends, axes = (op.const(np.array([bound])) for bound in (first, last, 1))
        return op.slice(block.var, starts, ends, axes)
    return op.gather(block.var, _index_constant(indices), axis=1)


def take_column(values: Var, index: int) -> Var:
    """[n, 1]: column `index` of [n, c]."""
    return op.gather(values, op.const(np.array([index])), axis=1)


def squeeze_column(values: Var) -> Var:
    """[n] from [n, 1]."""
    return op.squeeze(values, op.const(np.array([1])))


def as_column(values: Var) -> Var:
    """[n, 1] from [n]."""
    return op.unsqueeze(values, op.const(np.array([1])))


def _index_constant(values: Sequence[int] | NDArray[np.intp]) -> Var:
    return op.const(np.asarray(values, dtype=np.int64))


def _text_products(x: Columns, weights: NDArray[np.float64]) -> tuple[list[Var], list[int]]:
    """The products of the features of text, at most scaled, with their weights; and the positions of all others.

    A scale is multiplied into the weight, so that the product can be taken of the few features that a text has.
    """
    by_block: dict[TextBlock, list[tuple[int, int, float]]] = defaultdict(list)
    others = []
    for position, feature in enumerate(x.numeric_features()):
        block = feature.block
        if (
            isinstance(block, TextBlock)
            and isinstance(feature, NumberColumn)
            and all(step.operation in _LINEAR for step in feature.steps)
        ):
            scale = float(feature.evaluate(np.ones(1))[0]) if feature.steps else 1.0
            by_block[block].append((position, feature.index, scale))
        else:
            others.append(position)
    products = []
    for block, members in by_block.items():
        positions, indices, scales = zip(*members, strict=True)
        products.append(block.product(indices, weights[list(positions)] * np.array(scales)[:, None]))
    return products, others


def _number_parts(x: Columns, positions: Iterable[int] | None = None) -> list[_Part]:
    """The NumberColumns, those of the same block with the same sequence of operations together.

    `positions`: only those of them.
    """
    groups: dict[Hashable, list[tuple[int, NumberColumn]]] = defaultdict(list)
    features = x.numeric_features()
    for position in range(len(features)) if positions is None else positions:
        feature = features[position]
        if isinstance(feature, NumberColumn):
            operations = tuple((step.operation, len(step.constants)) for step in feature.steps)
            groups[feature.block, operations].append((position, feature))
    return [_number_part(members) for members in groups.values()]


def _number_part(members: list[tuple[int, NumberColumn]]) -> _Part:
    var = gather_columns(members[0][1].block, [number.index for _, number in members])
    return _Part(apply_in_graph([number.steps for _, number in members], var), [position for position, _ in members])


def _coded_by_block(x: Columns) -> dict[Block, list[tuple[int, CodedColumn]]]:
    groups: dict[Block, list[tuple[int, CodedColumn]]] = defaultdict(list)
    for position, feature in enumerate(x):
        if isinstance(feature, CodedColumn):
            groups[feature.block].append((position, feature))
    return groups


def _coded_parts(x: Columns) -> list[_Part]:
    return [_coded_part(block, members) for block, members in _coded_by_block(x).items()]


def _coded_part(block: Block, members: list[tuple[int, CodedColumn]]) -> _Part:
    """The CodedColumns of a block: all their cells in one table, in which each column looks up its own."""
    cells = [column.numeric_cells() for _, column in members]
    if sum(map(len, cells)) > _MAX_TABLE_CELLS:
        raise NotCompilable("its categories need a table of more than 16 million cells; group rare categories first")
    codes = gather_columns(block, [column.index for _, column in members])
    indices = _table_indices(codes, [len(table) for table in cells])
    return _Part(
        op.gather(op.const(np.concatenate([lookup_order(table) for table in cells])), indices, axis=0),
        [position for position, _ in members],
    )


def _table_indices(codes: Var, sizes: Sequence[int]) -> Var:
    """int64[n, k]: the row of each code, if the tables of all k columns, of `sizes` rows, are stacked.

    Each table has its rows in `lookup_order`.
    """
    starts = np.concatenate([[0.0], np.cumsum(sizes)[:-1]])
    numbered = op.where(op.isnan(codes), op.const(-2.0), codes)
    return op.cast(op.add(numbered, op.const(starts + 2)), to=np.int64)
