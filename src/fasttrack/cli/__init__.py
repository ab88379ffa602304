"""`fasttrack`: train, serve and predict; look after versions, the journal and what is watched."""

from __future__ import annotations

from fasttrack.cli.process import main

__all__ = ["main"]
