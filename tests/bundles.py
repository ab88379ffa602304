"""Small real bundles for the tests of bundle and store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fasttrack.bundle import Bundle, Manifest, TrainingRecord, installed_packages, write_bundle
from fasttrack.contract import Column, Contract, Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sklearn.linear_model import LinearRegression

CONTRACT = Contract(
    columns=[Column(name="x", kind="number", nullable=False, dtype="float64", minimum=0.0, maximum=2.0, example=1.0)],
    target=Target(name="y", task="regression"),
)


def line(slope: float) -> LinearRegression:
    from sklearn.linear_model import LinearRegression  # a second of a process that may not need it

    return LinearRegression().fit([[0.0], [1.0], [2.0]], [0.0, slope, 2 * slope])


def manifest(name: str = "line", **changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "name": name,
        "created": "2024-01-01T00:00:00.000+00:00",
        "contract": CONTRACT,
        "training": TrainingRecord(estimator="linear", rows=3),
        "packages": installed_packages(),
        "files": {},
    }
    return Manifest(**fields | changes)


def writer(
    pipeline: Any, name: str = "line", *, code: tuple[Path, ...] = (), report: str | None = None, **changes: Any
) -> Callable[[Path], Bundle]:
    told = None if report is None else report.encode()
    return lambda folder: write_bundle(
        folder, manifest(name, **changes), pipeline, code=code, report=None if told is None else lambda _: told
    )
