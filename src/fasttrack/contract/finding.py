"""What was found in a table: a stable code, the columns, one sentence, and a figure where there is one."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["CODES", "FindingCode", "TableFinding"]

FindingCode = Literal[
    "FT101",
    "FT102",
    "FT103",
    "FT104",
    "FT105",
    "FT106",
    "FT107",
    "FT108",
    "FT109",
    "FT110",
    "FT111",
    "FT112",
    "FT120",
    "FT121",
    "FT122",
]

CODES: dict[FindingCode, str] = {
    "FT101": "numbers or dates in another notation",
    "FT102": "an identifier or a row number",
    "FT103": "a column that alone predicts the target",
    "FT104": "columns that add up to the target",
    "FT105": "identical rows",
    "FT106": "several rows of one entity, split at random",
    "FT107": "rows ordered in time, split at random",
    "FT108": "words in a column of numbers",
    "FT109": "a column that is known only after the outcome",
    "FT110": "a rare class",
    "FT111": "a class that is never predicted",
    "FT112": "a model that is no better than the trivial one",
    "FT120": "dates of which the day and the month cannot be told apart",
    "FT122": "numbers that are not in one notation",
    "FT121": "a default spelling of a missing value that may be a value",
}
"""Each code and what it stands for. A code never changes its meaning."""


class TableFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finding. A `note` says what was done; a `caution` says why the metrics may be too optimistic."""

    code: FindingCode
    level: Literal["note", "caution"]
    message: str
    columns: list[str] = []
    figure: float | None = None
    """What was measured, such as the share of the target's variance that the column explains, 0 to 1."""
