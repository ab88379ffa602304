"""Compile a pipeline and prove the graph. A pipeline that fails either is served by scikit-learn, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fasttrack.compiler.compilation import compile_pipeline
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.proof import prove
from fasttrack.errors import in_a_line
from fasttrack.progress import report_step

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract import Contract
    from fasttrack.graph import InputRules, Program, Proof

__all__ = ["CompilationResult", "try_to_compile"]

_MAX_PROVED_ROWS = 100_000
"""More rows find no further differences, and scikit-learn's predictions for them would dominate the training time."""


@dataclass(frozen=True)
class CompilationResult:
    """The outcome of `try_to_compile`. Without a `program`, scikit-learn has to serve the model, for `reason`."""

    program: Program | None
    input_rules: InputRules | None
    proof: Proof | None
    """Also present when the graph failed it."""
    reason: str
    """It is published, so it has no message of other people's code: such a message may quote a cell."""


def try_to_compile(
    pipeline: Any, contract: Contract, X: pd.DataFrame, matrix: NDArray[np.float64], *, threads: int
) -> CompilationResult:
    """Compile `pipeline` and prove the graph on `X`, n rows with the contract's columns, given as `matrix` as well.

    `matrix`: float64[n, f]. At most 100,000 rows, evenly spaced, are compared; `fasttrack.jobs.verify` compares all.
    """
    try:
        compiled = compile_pipeline(pipeline, contract)
    except NotCompilable as obstacle:
        return CompilationResult(None, None, None, str(obstacle))
    except Exception as error:  # noqa: BLE001  # lowerings may be the user's; their bugs must not stop the training
        report_step(f"compiling failed: {in_a_line(error)}")
        return CompilationResult(None, None, None, f"compiling failed: {type(error).__name__}")
    rows = X.to_numpy() if contract.input == "array" else X
    proof = prove(compiled, pipeline, contract, rows, matrix, threads=threads, max_rows=_MAX_PROVED_ROWS)
    if not proof.passed and compiled.many_rows is not None:
        compiled = replace(compiled, many_rows=None)  # the graph alone may pass
        proof = prove(compiled, pipeline, contract, rows, matrix, threads=threads, max_rows=_MAX_PROVED_ROWS)
    if not proof.passed:
        return CompilationResult(None, None, proof, f"the proof failed: {proof.reason}")
    return CompilationResult(compiled.program, compiled.input_rules, proof, "")
