"""A table against a contract, batch by batch: every row is counted, one batch is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fasttrack.expectations.column_check import ColumnCheck
from fasttrack.expectations.result import CheckResult, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import pyarrow as pa

    from fasttrack.contract.schema import Contract
    from fasttrack.graph.input_rules import InputRules
    from fasttrack.metrics.reference import Reference

__all__ = ["check"]

_NEW_COLUMN = "not a column of this model and ignored"


def check(
    contract: Contract,
    batches: Iterable[pa.Table],
    *,
    refusals: InputRules | None = None,
    reference: Reference | None = None,
    known: Collection[str] = (),
    untyped: Collection[str] = (),
    unread: Sequence[str] = (),
) -> CheckResult:
    """What in a table, given in batches of the same columns, differs from the training data.

    A row counts as broken exactly when the decoder would refuse it as a request, or the model would by its `refusals`,
    and as warned when the reply would name an unseen category or a number outside the training range. `reference` is
    that of the bundle, for drift. `known`: columns that are not reported as new, besides the contract's and its target.
    `untyped`: columns of a text file, whose cells are what their text spells. `unread`: columns of the table that the
    batches lack.
    """
    rows = broken = warned = 0
    batch_columns: list[str] = []
    bins = {feature.name: feature for feature in reference.features} if reference is not None else {}
    columns = [
        ColumnCheck(column, place, refusals, bins.get(column.name), untyped=column.name in untyped)
        for place, column in enumerate(contract.columns)
    ]
    for batch in batches:
        batch_columns = batch_columns or batch.column_names
        refused, odd = np.zeros(len(batch), dtype=bool), np.zeros(len(batch), dtype=bool)
        for column in columns:
            column.add(batch, rows, refused, odd)
        rows += len(batch)
        broken += int(refused.sum())
        warned += int((odd & ~refused).sum())
    expected = {*contract.names, contract.target.name, *known}
    new = [name for name in dict.fromkeys([*batch_columns, *unread]) if name not in expected]
    return CheckResult(
        rows=rows,
        broken=broken,
        warned=warned,
        findings=[finding for column in columns for finding in column.findings(rows)]
        + [Finding(column=name, reason="new", breaks=False, rows=rows, share=1.0, message=_NEW_COLUMN) for name in new],
        psi={column.name: psi for column in columns if (psi := column.psi(rows)) is not None},
    )
