"""The journal of a server: where it is, what it counts, and how labels come in."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import msgspec

from fasttrack.errors import ConfigError, StoreError
from fasttrack.journal import Journal, JournalCounts, journal_location, open_database
from fasttrack.journal.labels import label_row, unusable
from fasttrack.journal.predictions import parse_identifier
from fasttrack.serving.problems import feedback_refusal

if TYPE_CHECKING:
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


def open_journal(settings: Settings, metrics: ServingMetrics) -> Journal | None:
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
    metrics.watch_quality(location)
    return Journal(
        location,
        counts,
        sample=settings.journal_sample,
        omit=_names(settings.journal_omit),
        keep_days=settings.journal_days,
        keep_bytes=settings.journal_bytes,
    )


def take_feedback(journal: Journal | None, target: Target, body: bytes, refused: memoryview[float]) -> Response:
    """The reply to a `POST /feedback`: a label, or many. They are written in the background."""
    if journal is None:
        return feedback_refusal(404, "no-journal", "this server keeps no journal, so labels have no use here")
    try:
        given = _MANY.decode(body) if body.lstrip()[:1] == b"[" else [_ONE.decode(body)]
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        refused[0] += 1
        where = str(error).partition(" - at `$")[2].rstrip("`")
        place = f" at {where.lstrip('.')}" if where else ""
        shape = 'send {"id": "…", "label": …} with the id of a prediction, or an array of such objects'
        malformed = not isinstance(error, msgspec.ValidationError)
        return feedback_refusal(400 if malformed else 422, "malformed" if malformed else "invalid", shape + place)
    if len(given) > MOST_LABELS:
        refused[0] += len(given)
        detail = f"{len(given):,} labels, the limit is {MOST_LABELS:,}; send them in parts, or use fasttrack feedback"
        return feedback_refusal(422, "too-many-rows", detail)
    now = time.time()
    rows: list[LabelRow] = []
    errors = []
    for number, one in enumerate(given):
        found = parse_identifier(one.id)
        problem = "no prediction has such an id" if found is None else unusable(one.label, target)
        if problem:
            errors.append({"row": number, "column": "id" if found is None else "label", "message": problem})
        elif found is not None:
            rows.append(label_row(*found, one.label, now))
    if errors:
        refused[0] += len(errors)
        detail = f"row {errors[0]['row']}: {errors[0]['message']}; nothing was taken"
        return feedback_refusal(422, "invalid", detail, errors[:_LISTED])
    if not journal.feedback(rows):
        return feedback_refusal(503, "busy", "more labels wait to be written than fit; send them again in a minute")
    return _accepted(len(rows))


def _accepted(number: int) -> Response:
    from starlette.responses import Response

    return Response(msgspec.json.encode({"accepted": number}), 202, media_type="application/json")
