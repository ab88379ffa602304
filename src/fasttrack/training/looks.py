"""Looking at the table before anything is fitted: what would make the figures of the hold-out too good.

Each look adds findings to the table. A code that is configured to be skipped is not looked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd

from fasttrack.errors import TrainingError
from fasttrack.understanding.duplicates import find_duplicates
from fasttrack.understanding.leaks import find_leaks
from fasttrack.understanding.messages import (
    duplicates_finding,
    entity_finding,
    leak_finding,
    order_finding,
    parts_finding,
)
from fasttrack.understanding.order import entity_share, is_ordered_in_time
from fasttrack.understanding.sums import find_parts_of_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.config import SplitConfig, TrainConfig
    from fasttrack.contract.finding import FindingCode, TableFinding
    from fasttrack.contract.schema import Task
    from fasttrack.training.split import SplitTable
    from fasttrack.training.table import TrainingTable

__all__ = ["kept_columns", "look_at_rows", "look_for_leaks", "without_skipped"]

_MOST_CLASSES = 20
"""Classes by which the rows of an entity are compared: the most frequent ones."""
_MOST_ENTITIES = 3
_FEW = 0.05
"""Repeated rows that are not copies get a note only from this fraction of the rows on."""


def kept_columns(config: TrainConfig) -> list[str] | None:
    """The columns that are features also if they look like identifiers: those configured; `None`: all of them."""
    return None if "FT102" in config.check.skip else config.data.keep


def without_skipped(config: TrainConfig, ready: TrainingTable) -> TrainingTable:
    """The table without the findings that were made when it was read, and are configured to be skipped."""
    return replace(ready, findings=[finding for finding in ready.findings if finding.code not in config.check.skip])


def look_at_rows(config: TrainConfig, ready: TrainingTable, task: Task) -> tuple[TrainConfig, TrainingTable]:
    """Look for copies of rows, for several rows of one entity, and for rows in the order of time.

    Returns the configuration with the split that `auto` chooses, and the table with the findings.
    """
    skip, findings, notes = config.check.skip, list(ready.findings), list(ready.notes)
    chosen: SplitConfig | None = None
    if config.split.decided == "random":
        for finding in _dependent_rows(ready, task, skip, auto=config.split.method == "auto"):
            findings.append(finding)
            if finding.level == "note":
                method = "time" if finding.code == "FT107" else "group"
                chosen = msgspec.structs.replace(config.split, method=method, column=finding.columns[0])
    if config.split.method == "auto":
        if chosen is None:
            chosen = msgspec.structs.replace(config.split, method="random")
            notes.append("split.method auto chose random: no time orders the rows, and no id has several rows")
        config = msgspec.structs.replace(config, split=chosen)
    copies = None
    if "FT105" not in skip:
        duplicates = find_duplicates(ready.X, ready.y)
        if duplicates.copies:
            copies = duplicates.codes
        elif duplicates.repeated >= _FEW * len(ready.X):
            findings.append(duplicates_finding(duplicates.repeated, len(ready.X), copies=False, crossing=0))
    return config, replace(ready, findings=findings, notes=notes, copies=copies)


def look_for_leaks(config: TrainConfig, ready: TrainingTable, rows: SplitTable, task: Task) -> TrainingTable:
    """Look for columns that give the target away, on the training rows; and say where identical rows are.

    Returns the table with the findings. Raises TrainingError for a leak where the configuration refuses them.
    """
    findings = list(ready.findings)
    if ready.copies is not None:
        train, test = (ready.copies[X.index.to_numpy()] for X in (rows.X_train, rows.X_test))
        repeated, crossing = len(ready.X) - len(pd.unique(ready.copies)), int(np.isin(test, train).sum())
        findings.append(duplicates_finding(repeated, len(ready.X), copies=True, crossing=crossing))
    in_time = config.split.decided == "time" or any(finding.code == "FT107" for finding in findings)
    leaks = _leaks(config, rows, task, in_time=in_time)
    if leaks and config.check.leaks == "refuse":
        more = f"; and {len(leaks) - 1:,} more" if len(leaks) > 1 else ""
        raise TrainingError(
            f"{leaks[0].code} {leaks[0].message}{more}. This training refuses columns that give the target away; to "
            f'train nevertheless: --leaks caution, or check.leaks = "caution"'
        )
    return replace(ready, findings=[*leaks, *findings])


def _leaks(config: TrainConfig, rows: SplitTable, task: Task, *, in_time: bool) -> list[TableFinding]:
    skip, target = config.check.skip, config.data.target
    X, y, regression = rows.X_train, rows.y_train, task == "regression"
    found: list[TableFinding] = []
    if not {"FT103", "FT109"} <= set(skip):
        together = rows.by_train if config.split.decided == "random" else None
        if config.split.decided == "time" and rows.by_train is not None:
            in_order = np.argsort(rows.by_train, kind="stable")
            X, y = X.iloc[in_order], y.iloc[in_order]
        leaks = find_leaks(X, y, target, regression=regression, together=together, in_time=in_time)
        found = [leak_finding(leak, target, regression=regression) for leak in leaks]
    if regression and "FT104" not in skip:
        parts = find_parts_of_target(X, y)
        if parts is not None:
            found.append(parts_finding(parts, target))
    return [finding for finding in found if finding.code not in skip]


def _dependent_rows(ready: TrainingTable, task: Task, skip: list[FindingCode], *, auto: bool) -> list[TableFinding]:
    """The findings on rows that a random split would wrongly separate, the strongest first.

    With `auto`, the split is by the column of the first, which is then a note.
    """
    X = ready.X
    findings = []
    if "FT107" not in skip:
        ordered = [str(name) for name in X.columns if is_ordered_in_time(str(name), X[name])]
        findings += [order_finding(name, chosen=auto) for name in ordered[:1]]
    if "FT106" not in skip:
        answers = _answers(ready.y, task)
        shares = {str(name): entity_share(str(name), X[name], answers) for name in X.columns}
        by_share = sorted((name for name in shares if shares[name]), key=lambda name: -shares[name])
        for name in by_share[:_MOST_ENTITIES]:
            rows_each = float(X[name].count() / X[name].nunique())
            findings.append(entity_finding(name, rows_each, chosen=auto and not findings))
    return findings


def _answers(y: pd.Series[Any], task: Task) -> NDArray[np.float64]:
    """The target as numbers [n], or [n, c] with a column for each class."""
    answers: NDArray[np.float64]
    if task == "regression":
        answers = y.to_numpy(dtype=np.float64)
        return answers
    frequent = y.value_counts().index[:_MOST_CLASSES]
    answers = np.column_stack([(y == label).to_numpy(dtype=np.float64) for label in frequent])
    return answers
