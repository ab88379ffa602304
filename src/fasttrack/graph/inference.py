"""Opening a graph with onnxruntime, on one thread of the processor, with its telemetry off.

This is the only module that imports onnxruntime. From 1.29 on, onnxruntime starts a telemetry thread while it is
imported: it writes a device id below the user's cache folder and sends events to Microsoft. The environment variable
stops that before it begins; `onnxruntime.disable_telemetry_events()` comes too late. ORT_DISABLE_TELEMETRY=0 in the
environment allows it again.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # reads the variable while it is imported

__all__ = ["inference_session"]


def inference_session(model: bytes) -> onnxruntime.InferenceSession:
    """A session for a serialised graph. With one thread trees are added up in scikit-learn's order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
