"""One small function an estimator class; importing this package registers them all."""

from __future__ import annotations

from fasttrack.compiler.lowerings import (
    calendar,
    calibration,
    compose,
    encoders,
    forests,
    functions,
    histogram_boosting,
    imputing,
    isotonic,
    linear,
    multiclass,
    multioutput,
    scaling,
)

__all__ = [
    "calendar",
    "calibration",
    "compose",
    "encoders",
    "forests",
    "functions",
    "histogram_boosting",
    "imputing",
    "isotonic",
    "linear",
    "multiclass",
    "multioutput",
    "scaling",
]
