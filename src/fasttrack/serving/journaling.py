"""The journal of a server: its location, and the counts of what is recorded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from fasttrack.errors import ConfigError, StoreError
from fasttrack.journal import Journal, JournalCounts, journal_location, open_database
from fasttrack.schemes import is_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.metrics.serving import ServingMetrics
    from fasttrack.settings import Settings

__all__ = ["open_journal"]

_log = logging.getLogger("fasttrack")


def _column_names(text: str) -> list[str]:
    if text.lstrip().startswith("["):
        try:
            return msgspec.json.decode(text, type=list[str])
        except msgspec.MsgspecError:
            raise ConfigError(
                f"FASTTRACK_JOURNAL_OMIT is {text!r}, expected column names with commas between, or a JSON array"
            ) from None
    return [name.strip() for name in text.split(",") if name.strip()]


def open_journal(settings: Settings, metrics: ServingMetrics, clock: Callable[[], float]) -> Journal | None:
    """The journal that the settings name; `None` when it is off, or cannot be written, which is logged.

    A database that does not answer now is tried again later. Raises ConfigError for a location that cannot be used.
    """
    location = journal_location(settings.journal, settings.store, settings.cache)
    if location is None:
        return None
    if not is_url(location):
        try:
            open_database(location).close()
        except StoreError as error:
            _log.warning("no prediction is recorded: %s; to run without a journal, set FASTTRACK_JOURNAL=off", error)
            return None
        if is_url(settings.store) and settings.journal == "on":
            # a warning, because nothing less is shown so early, and a container's cache may be lost with it
            _log.warning("predictions are recorded in %s; to record elsewhere, set FASTTRACK_JOURNAL", location)
    block = metrics.ledger.block
    counts = JournalCounts(
        block([("fasttrack_journal_backlog_rows",)]),
        block([("fasttrack_journal_stored_rows_total",)]),
        block([("fasttrack_journal_dropped_rows_total",)]),
        {name: block([("fasttrack_feedback_total", name)]) for name in ("matched", "unknown", "refused")},
    )
    metrics.watch_quality(location, clock)
    return Journal(
        location,
        counts,
        sample=settings.journal_sample,
        omit=_column_names(settings.journal_omit),
        keep_days=settings.journal_days,
        keep_bytes=settings.journal_bytes,
        clock=clock,
    )
