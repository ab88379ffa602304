"""Which labels a prediction can have, and the labels of many predictions at once."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.contract.cell import type_name
from fasttrack.contract.numbers import PLAIN_NUMBER
from fasttrack.contract.reading import cell_reading, read_text
from fasttrack.errors import DataError
from fasttrack.journal.predictions import parse_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.contract.schema import Target
    from fasttrack.journal.database import Database, LabelRow

__all__ = ["LabelCounts", "label_predictions", "label_problem", "label_row", "label_value"]

_LABELS_PER_TRANSACTION = 50_000
_MOST_CHARACTERS = 1000
"""A million labels may wait in memory."""


@dataclass
class LabelCounts:
    """How many labels had their prediction in the journal, how many did not, and how many rows had no label.

    Labels without a prediction are kept: it may not be written yet.
    """

    matched: int = 0
    unknown: int = 0
    empty: int = 0


def label_problem(label: Any, target: Target) -> str | None:
    """Why no row of `target` can have this label; `None` if one can."""
    if isinstance(label, str) and len(label) > _MOST_CHARACTERS:
        return f"the label of {target.name} is longer than {_MOST_CHARACTERS:,} characters"
    if isinstance(label, str) and target.reading.is_missing(label):
        return f"the label of {target.name} is a spelling of a missing value; leave it out, or send it when it is known"
    if isinstance(label, (int, float)) and not abs(label) <= sys.float_info.max:
        return f"the label of {target.name} is not a number that a 64-bit float can hold"
    if target.classes is None:
        if isinstance(label, str) and target.reading.number is not None:
            fits = target.reading.number.fits(label)
            return None if fits else f"the label of {target.name} must be a number, as the training table writes them"
        number = isinstance(label, (int, float)) and not isinstance(label, bool)
        return None if number else f"the label of {target.name} must be a number"
    kinds = sorted(set(map(type_name, target.classes)))
    expected = " or ".join(kinds)
    return None if type_name(label) in kinds else f"the label of {target.name} must be {expected}, as its classes are"


def label_value(label: Any, target: Target | None) -> Any:
    """A label that `target` can have, as a number where it is text in the notation of a number."""
    if isinstance(label, str) and target is not None and target.classes is None and target.reading.number is not None:
        return target.reading.number.parse(label)
    return label


def label_row(process: str, number: int, label: Any, at: float) -> LabelRow:
    """A label as the journal stores it; `at` in seconds since 1970 UTC."""
    # JSON has integers of any size, but its decoder reads them only up to 64 bits
    storable = float(label) if isinstance(label, int) and abs(label) >= 2**63 else label
    return process, number, msgspec.json.encode(storable).decode(), at


def label_predictions(
    database: Database, ids: Sequence[Any], labels: Sequence[Any], *, name: str, spelled: bool = False
) -> LabelCounts:
    """Store the labels of predictions by their ids; rows without a label are skipped.

    `spelled`: the labels are the cells of a format without types, each of which the target of its own prediction reads.
    Raises DataError with the first row of the table `name` that has an invalid id or label; nothing is stored then.
    Raises StoreError; labels that were stored before the journal failed stay, and can be sent again.
    """
    counts = LabelCounts()
    now = time.time()
    targets = {(model.model, model.version): model.target for model in database.models()}
    keys: list[tuple[str, int]] = []
    for row_number, text in enumerate(ids):
        key = parse_id(text)
        if key is None:
            raise DataError(f"{name}, row {row_number}: {text!r} is not the id of a prediction; no label was stored")
        keys.append(key)
    rows: list[LabelRow] = []
    for row_number, (key, owner, cell) in enumerate(zip(keys, database.owners(keys), labels, strict=True)):
        target = None if owner is None else targets.get(owner)
        label = _spelled_label(cell, target) if spelled and isinstance(cell, str) else cell
        if label is None:
            counts.empty += 1
            continue
        problem = None if target is None else label_problem(label, target)
        if problem:
            raise DataError(f"{name}, row {row_number}: {problem}, got {type_name(label)}; no label was stored")
        rows.append(label_row(*key, label_value(label, target), now))
        counts.matched += owner is not None
    for start in range(0, len(rows), _LABELS_PER_TRANSACTION):
        database.label(rows[start : start + _LABELS_PER_TRANSACTION])
    counts.unknown = len(rows) - counts.matched
    return counts


def _spelled_label(cell: str, target: Target | None) -> Any:
    """The label that a cell spells for `target`; of an unknown prediction, a number if it is a plain one."""
    if target is None:
        return float(cell) if PLAIN_NUMBER.fullmatch(cell.strip()) else cell
    try:
        label = read_text(target.kind, cell_reading(target.kind, target.reading), cell)
    except ValueError:
        return cell
    return int(label) if target.kind == "integer" and label is not None and label.is_integer() else label
