"""Predictions and what became of them: written in the background, labelled later, measured, read back for training."""

from __future__ import annotations

from fasttrack.journal.address import journal_location
from fasttrack.journal.database import Database, existing_journal, open_database
from fasttrack.journal.predictions import JournalModel
from fasttrack.journal.writer import Journal, JournalCounts, Recorder

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
