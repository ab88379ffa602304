"""Compile and prove in one step; what cannot be compiled or proved says why, and is served by scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fasttrack.compiler.compile import compile_pipeline
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.proof import prove

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract import Contract
    from fasttrack.graph import Program, Proof, Refusals

__all__ = ["Attempt", "try_to_compile"]

_PROVED_ROWS = 100_000
"""More say nothing new and make scikit-learn's own answers most of a training; a table can be proved on whole later."""


@dataclass(frozen=True)
class Attempt:
    """What came of compiling. `program` is `None` when scikit-learn has to serve: for `reason`."""

    program: Program | None
    refusals: Refusals | None
    proof: Proof | None
    """Also of a graph that failed it."""
    reason: str


def try_to_compile(
    pipeline: Any, contract: Contract, X: pd.DataFrame, matrix: NDArray[np.float64], *, threads: int
) -> Attempt:
    """Compile `pipeline` and prove it on `X`, n rows of the contract's columns, and their float64[n, f] `matrix`.

    Of more than 100,000 rows so many are compared, spread evenly; `fasttrack.jobs.verify` takes every row.
    """
    try:
        compiled = compile_pipeline(pipeline, contract)
    except NotCompilable as obstacle:
        return Attempt(None, None, None, str(obstacle))
    except Exception as error:  # noqa: BLE001  # lowerings are also the user's; none may cost a training its model
        return Attempt(None, None, None, f"compiling failed: {type(error).__name__}: {error}")
    rows = X.to_numpy() if contract.input == "array" else X
    proof = prove(compiled, pipeline, contract, rows, matrix, threads=threads, at_most=_PROVED_ROWS)
    if not proof.passed and compiled.batch is not None:
        compiled = replace(compiled, batch=None)  # the graph alone may do
        proof = prove(compiled, pipeline, contract, rows, matrix, threads=threads, at_most=_PROVED_ROWS)
    if not proof.passed:
        return Attempt(None, None, proof, f"the proof failed: {proof.reason}")
    return Attempt(compiled.program, compiled.refusals, proof, "")
