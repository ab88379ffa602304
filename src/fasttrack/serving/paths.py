"""The paths that the service offers, and the methods of HTTP."""

from __future__ import annotations

from http import HTTPMethod

__all__ = ["METHODS", "PATHS", "PREDICT"]

PREDICT = "/predict"
PATHS = frozenset(
    (
        PREDICT,
        "/feedback",
        "/model",
        "/contract",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/docs",
        "/openapi.json",
        "/",
    )
)
"""Beside the files under /docs/static."""
METHODS = frozenset(HTTPMethod)
