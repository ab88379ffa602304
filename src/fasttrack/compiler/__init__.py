"""Translate a fitted scikit-learn pipeline into one float64 ONNX graph, and prove that both predict the same values."""

from __future__ import annotations

from fasttrack.compiler.columns import Columns
from fasttrack.compiler.compilation import CompiledPipeline, compile_pipeline
from fasttrack.compiler.lowering_registry import lower, register
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.proof import Proof, prove
from fasttrack.compiler.proved_compilation import CompilationResult, try_to_compile

__all__ = [
    "Columns",
    "CompilationResult",
    "CompiledPipeline",
    "NotCompilable",
    "Proof",
    "compile_pipeline",
    "lower",
    "prove",
    "register",
    "try_to_compile",
]
