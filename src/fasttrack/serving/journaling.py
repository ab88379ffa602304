"""The journal of a server: where it is, what it counts, and how labels come in."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.errors import ConfigError, StoreError
from fasttrack.journal import Journal, JournalCounts, journal_location, open_database
from fasttrack.journal.labels import label_row, unusable
from fasttrack.journal.predictions import parse_identifier
from fasttrack.serving.problems import feedback_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from fasttrack.contract.schema import Target
    from fasttrack.journal.database import LabelRow
    from fasttrack.monitoring.metrics import ServingMetrics
    from fasttrack.settings import Settings

__all__ = ["MOST_LABELS", "open_journal", "take_feedback"]

_log = logging.getLogger("fasttrack")

MOST_LABELS = 100_000
"""In one request."""
_LISTED = 100
_SHAPE = 'send {"id": "…", "label": …} with the id of a prediction, or an array of such objects'


def _names(text: str) -> list[str]:
    if text.lstrip().startswith("["):
        try:
            return msgspec.json.decode(text, type=list[str])
        except msgspec.MsgspecError:
            raise ConfigError(f"FASTTRACK_JOURNAL_OMIT is {text!r}, expected names, or a JSON array of them") from None
    return [name.strip() for name in text.split(",") if name.strip()]


class _Label(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    label: bool | float | str | int


_ONE, _MANY = msgspec.json.Decoder(_Label), msgspec.json.Decoder(list[_Label])


def open_journal(settings: Settings, metrics: ServingMetrics, clock: Callable[[], float]) -> Journal | None:
    """The journal that the settings name; `None` when it is off, or cannot be kept here, which the log says.

    A database that only does not answer now is waited for. Raises ConfigError for a location that is none.
    """
    location = journal_location(settings.journal, settings.store)
    if location is None:
        return None
    if "://" not in location:
        try:
            open_database(location).close()
        except StoreError as error:
            _log.warning("no prediction is recorded: %s; or set FASTTRACK_JOURNAL=off", error)
            return None
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
        omit=_names(settings.journal_omit),
        keep_days=settings.journal_days,
        keep_bytes=settings.journal_bytes,
        clock=clock,
    )


def take_feedback(journal: Journal | None, target: Target, body: bytes) -> Response:
    """The reply to a `POST /feedback`: a label, or many. They are written in the background."""
    if journal is None:
        return feedback_refusal(404, "no-journal", "this server keeps no journal, so labels have no use here")
    try:
        given = _MANY.decode(body) if body.lstrip()[:1] == b"[" else [_ONE.decode(body)]
    except msgspec.ValidationError as error:
        return _refused(journal, [_misfit(str(error))])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        journal.refuse_feedback(1)
        return feedback_refusal(400, "malformed", f"the body is not JSON; {_SHAPE}")
    if len(given) > MOST_LABELS:
        journal.refuse_feedback(len(given))
        detail = f"{len(given):,} labels, the limit is {MOST_LABELS:,}; send them in parts, or use fasttrack feedback"
        return feedback_refusal(422, "too-many-rows", detail)
    now = time.time()
    rows: list[LabelRow] = []
    issues = []
    for number, one in enumerate(given):
        found = parse_identifier(one.id)
        problem = unusable(one.label, target)
        if found is None:
            issues.append({"row": number, "column": "id", "message": "no prediction has such an id"})
        elif problem:
            issues.append({"row": number, "column": "label", "message": problem})
        else:
            rows.append(label_row(*found, one.label, now))
    if issues:
        return _refused(journal, issues)
    if not journal.feedback(rows):
        return feedback_refusal(503, "busy", "more labels wait to be written than fit; send them again in a minute")
    return _accepted(len(rows))


def _misfit(message: str) -> dict[str, Any]:
    """Where a body is not of the shape that labels have, from msgspec's message."""
    _, _, path = message.partition(" - at `$")
    row = re.search(r"\[(\d+)\]", path)
    column = re.search(r"\.(id|label)", path)
    told = "the label is no number that a 64-bit float holds" if "out of range" in message else _SHAPE
    return {"row": int(row[1]) if row else 0, "column": column[1] if column else None, "message": told}


def _refused(journal: Journal, issues: list[dict[str, Any]]) -> Response:
    journal.refuse_feedback(len(issues))
    detail = f"row {issues[0]['row']}: {issues[0]['message']}; nothing was taken"
    return feedback_refusal(422, "invalid", detail, issues[:_LISTED])


def _accepted(number: int) -> Response:
    from starlette.responses import Response

    return Response(msgspec.json.encode({"accepted": number}), 202, media_type="application/json")
