"""The keywords of `fasttrack.train` and `fasttrack.package`, for type checkers; a test holds them to the options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from fasttrack.config.check_config import CheckReason
from fasttrack.contract.dates import DateOrder
from fasttrack.contract.finding import FindingCode
from fasttrack.contract.schema import KindChoice, Task
from fasttrack.reading import Header

__all__ = ["PackageOptions", "TrainOptions"]


class TrainOptions(TypedDict, total=False):
    """The options of a training, but `target`, which is a parameter of its own."""

    name: str | None
    promote: Literal["never", "always", "better"] | None
    confidence: float | None
    since: str | None
    nulls: Sequence[str] | None
    default_nulls: bool | None
    dates: DateOrder | None
    ignore: Sequence[str] | None
    keep: Sequence[str] | None
    kinds: Mapping[str, KindChoice] | None
    weight: str | None
    query: str | None
    table: str | None
    rows: int | None
    delimiter: str | None
    encoding: str | None
    sheet: str | None
    header: Header | None
    split_method: Literal["random", "group", "time", "auto"] | None
    split_column: str | None
    split_share: float | None
    split_seed: int | None
    estimator: Any
    task: Task | None
    seed: int | None
    positive: str | bool | int | float | None
    threshold: Literal["auto", "none", "f1", "cost"] | float | None
    cost_false_positive: float | None
    cost_false_negative: float | None
    class_weight: Literal["none", "balanced"] | None
    quality: Literal["fast", "best"] | None
    quality_seconds: float | None
    refit: bool | None
    trials: int | None
    search_seconds: float | None
    space: Mapping[str, Any] | None
    check_refuse: Sequence[CheckReason] | None
    check_against: str | None
    check_share: float | None
    leaks: Literal["caution", "refuse"] | None
    check_skip: Sequence[FindingCode] | None
    privacy_min_rows: int | None
    privacy_max_values: int | None
    privacy_hide: Sequence[str] | None
    tracking: str | None
    experiment: str | None
    journal: str | None
    store: str | Path | None


class PackageOptions(TypedDict, total=False):
    """The options of a packaging."""

    name: str | None
    target: str | None
    code: Sequence[str | Path] | None
    promote: Literal["never", "always", "better"] | None
    confidence: float | None
    privacy_min_rows: int | None
    privacy_max_values: int | None
    privacy_hide: Sequence[str] | None
    tracking: str | None
    experiment: str | None
    store: str | Path | None
