"""Opening an ONNX graph with onnxruntime, single-threaded on the CPU and with onnxruntime's telemetry off.

This is the only module that imports onnxruntime. Since version 1.29, onnxruntime starts a telemetry thread when it is
imported: the thread writes a device id below the user's cache folder and sends events to Microsoft. The environment
variable prevents that; `onnxruntime.disable_telemetry_events()` would be too late. ORT_DISABLE_TELEMETRY=0 in the
environment allows telemetry again.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # reads the variable while it is imported

__all__ = ["inference_session"]


def inference_session(model: bytes) -> onnxruntime.InferenceSession:
    """A session for a serialised graph. On a single thread, onnxruntime sums trees in scikit-learn's order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
