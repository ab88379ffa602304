"""scikit-learn → one float64 ONNX graph, proved to give the same answers."""

from __future__ import annotations

from fasttrack.compiler.attempt import Attempt, try_to_compile
from fasttrack.compiler.columns import Columns
from fasttrack.compiler.compile import Compiled, compile_pipeline
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import lower, register
from fasttrack.compiler.proof import Proof, prove

__all__ = [
    "Attempt",
    "Columns",
    "Compiled",
    "NotCompilable",
    "Proof",
    "compile_pipeline",
    "lower",
    "prove",
    "register",
    "try_to_compile",
]
