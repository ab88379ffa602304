"""Tables that are in memory already, with the same plain types as those that are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.schema import base_kind
from fasttrack.data.column_kinds import KIND_WORDS, cell_error, convert_stored, keep_as_text_hint
from fasttrack.data.plain_types import to_plain_types
from fasttrack.data.text_columns import TextRules
from fasttrack.data.whole_columns import FaultyColumn, read_inferred
from fasttrack.errors import DataError
from fasttrack.suggestions import names_hint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from fasttrack.contract.schema import KindChoice

__all__ = ["check_kinds", "plain_table", "table_from_frame"]


def table_from_frame(
    frame: pd.DataFrame, *, kinds: Mapping[str, KindChoice] | None = None, rules: TextRules | None = None
) -> pa.Table:
    """The table of a DataFrame without its index, as `read_table`. Raises DataError naming a column of mixed types."""
    name = "the DataFrame"
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"{name} cannot be read: {' '.join(str(error).split())}; give each column one type") from None
    return plain_table(table, kinds or {}, name, rules)


def plain_table(
    table: pa.Table, kinds: Mapping[str, KindChoice], name: str, rules: TextRules | None = None
) -> pa.Table:
    """The Arrow table called `name` in messages, with the plain types and kinds of `read_table`. Raises DataError."""
    check_kinds(kinds, table.column_names, name)
    if not table.num_rows:
        raise DataError(f"{name} has no rows")
    stored_kinds = {column: base_kind(kind) for column, kind in kinds.items()}
    plain = convert_stored(to_plain_types(table, name), stored_kinds, name)
    try:
        return read_inferred(plain, rules or TextRules(), kinds)
    except FaultyColumn as faulty:
        row = pc.index(pc.cast(plain.column(faulty.column), pa.string()), faulty.text).as_py()
        hint = keep_as_text_hint(faulty.column)
        raise cell_error(name, row, faulty.column, faulty.text, KIND_WORDS[faulty.kind], hint) from None


def check_kinds(kinds: Mapping[str, KindChoice], names: Sequence[str], name: str) -> None:
    """Raise DataError when a kind is set for a column that the table called `name` lacks."""
    for column in kinds:
        if column not in names:
            raise DataError(f"{name} has no column {column!r} to set a kind for{names_hint(column, names)}")
