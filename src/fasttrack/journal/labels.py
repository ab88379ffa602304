"""What can be the label of a prediction, and labels for many predictions at once."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.contract.cell import type_name
from fasttrack.errors import DataError
from fasttrack.journal.predictions import parse_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.contract.schema import Target
    from fasttrack.journal.database import Database, LabelRow

__all__ = ["Labelled", "label_predictions", "label_row", "unusable"]

_AT_ONCE = 50_000
_LONGEST = 1000
"""Characters of a label: a million of them wait in memory."""


@dataclass
class Labelled:
    """What became of labels: `unknown` are kept for predictions that the journal does not hold, or not yet."""

    matched: int = 0
    unknown: int = 0
    empty: int = 0


def unusable(label: Any, target: Target) -> str | None:
    """Why no row of `target` can have this label; `None` if it can."""
    if isinstance(label, str) and len(label) > _LONGEST:
        return f"the label of {target.name} is longer than {_LONGEST:,} characters"
    if isinstance(label, (int, float)) and not abs(label) <= sys.float_info.max:
        return f"the label of {target.name} is no number that a 64-bit float holds"
    if target.classes is None:
        number = isinstance(label, (int, float)) and not isinstance(label, bool)
        return None if number else f"the label of {target.name} must be a number"
    kinds = sorted(set(map(type_name, target.classes)))
    wanted = " or ".join(kinds)
    return None if type_name(label) in kinds else f"the label of {target.name} must be {wanted}, as its classes are"


def label_row(process: str, number: int, label: Any, at: float) -> LabelRow:
    """A label as the journal stores it; `at` in seconds since 1970 UTC."""
    # JSON's whole numbers have no end, those that are read back have
    some = float(label) if isinstance(label, int) and abs(label) >= 2**63 else label
    return process, number, msgspec.json.encode(some).decode(), at


def label_predictions(database: Database, ids: Sequence[Any], labels: Sequence[Any], *, name: str) -> Labelled:
    """Store the label of each prediction; a row without one is left for later.

    Raises DataError naming the first row of `name` with an id or a label that cannot be, StoreError. Nothing is stored
    when a row cannot be; labels that were stored before the journal failed stay, and may be given again.
    """
    done = Labelled()
    now = time.time()
    targets = {(one.model, one.version): one.target for one in database.models()}
    rows: list[LabelRow] = []
    places: list[int] = []
    for place, (text, label) in enumerate(zip(ids, labels, strict=True)):
        found = parse_identifier(text)
        if found is None:
            raise DataError(f"{name}, row {place}: no prediction has the id {text!r}; nothing was taken")
        if label is None:
            done.empty += 1
            continue
        rows.append(label_row(*found, label, now))
        places.append(place)
    owners = database.owners([row[:2] for row in rows])
    for place, owner in zip(places, owners, strict=True):
        problem = None if owner is None or owner not in targets else unusable(labels[place], targets[owner])
        if problem:
            raise DataError(f"{name}, row {place}: {problem}, got {type_name(labels[place])}; nothing was taken")
    for start in range(0, len(rows), _AT_ONCE):
        database.label(rows[start : start + _AT_ONCE])
    done.matched = sum(owner is not None for owner in owners)
    done.unknown = len(rows) - done.matched
    return done
