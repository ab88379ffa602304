"""Whether a table is what a model expects: every row is checked against the model's contract, before training."""

from fasttrack.expectations.check import check
from fasttrack.expectations.expectation import (
    Expectation,
    bundle_expectation,
    check_training_table,
    training_expectation,
)
from fasttrack.expectations.result import CheckResult, Example, Finding

__all__ = [
    "CheckResult",
    "Example",
    "Expectation",
    "Finding",
    "bundle_expectation",
    "check",
    "check_training_table",
    "training_expectation",
]
