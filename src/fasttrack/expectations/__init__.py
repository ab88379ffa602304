"""Whether a table is what a model expects: its contract, held against every row before training."""

from fasttrack.expectations.check import check
from fasttrack.expectations.expected import Expected, expected_by, expected_of, hold
from fasttrack.expectations.findings import Example, Finding, Findings

__all__ = [
    "Example",
    "Expected",
    "Finding",
    "Findings",
    "check",
    "expected_by",
    "expected_of",
    "hold",
]
