"""Running a compiled pipeline: its ONNX graph, and the rules for the rows that it refuses.

A server of a compiled model needs this package and not the compiler.
"""

from __future__ import annotations

from fasttrack.graph.evidence import Proof
from fasttrack.graph.input_rules import Bound, InputRules, refused_rows, violations
from fasttrack.graph.leaf_masks import ColumnMasks, LeafMasks
from fasttrack.graph.many_rows import ManyRowsProgram, ManyRowsSession, Stage, stage_sums_name
from fasttrack.graph.session import Program, Session, open_session, run
from fasttrack.graph.text import TextColumn, TextFeatures, TextPart, TextProgram, text_input_name

__all__ = [
    "Bound",
    "ColumnMasks",
    "InputRules",
    "LeafMasks",
    "ManyRowsProgram",
    "ManyRowsSession",
    "Program",
    "Proof",
    "Session",
    "Stage",
    "TextColumn",
    "TextFeatures",
    "TextPart",
    "TextProgram",
    "open_session",
    "refused_rows",
    "run",
    "stage_sums_name",
    "text_input_name",
    "violations",
]
