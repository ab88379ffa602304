"""Trainings as runs, and versions with their aliases, in an MLflow server or database.

MLflow is imported only while something is sent or asked for: never when a training begins, and never by the server.
"""

from __future__ import annotations

from fasttrack.tracking.fetch import Transfer, fetch_version, registered_number
from fasttrack.tracking.place import Place, configured_place, find_place, recall_place, spool_folder
from fasttrack.tracking.record import RunRecord, record_run
from fasttrack.tracking.send import TrackingResult, mirror_aliases, resume, track

__all__ = [
    "Place",
    "RunRecord",
    "TrackingResult",
    "Transfer",
    "configured_place",
    "fetch_version",
    "find_place",
    "mirror_aliases",
    "recall_place",
    "record_run",
    "registered_number",
    "resume",
    "spool_folder",
    "track",
]
