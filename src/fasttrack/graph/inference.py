"""Opening an ONNX graph with onnxruntime, single-threaded on the CPU."""

from __future__ import annotations

import onnxruntime

__all__ = ["inference_session"]


def inference_session(model: bytes) -> onnxruntime.InferenceSession:
    """A session for a serialised graph. On a single thread, onnxruntime sums trees in scikit-learn's order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
