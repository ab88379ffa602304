"""The journal of predictions and labels: written in the background, measured, exported, and read for training."""

from __future__ import annotations

from fasttrack.journal.address import journal_location
from fasttrack.journal.database import Database, existing_journal, open_database
from fasttrack.journal.predictions import JournalModel
from fasttrack.journal.queue import JournalCounts
from fasttrack.journal.recorder import Recorder
from fasttrack.journal.writer import Journal

__all__ = [
    "Database",
    "Journal",
    "JournalCounts",
    "JournalModel",
    "Recorder",
    "existing_journal",
    "journal_location",
    "open_database",
]
