"""`POST /feedback`: labels, by the ids of predictions."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from fasttrack.journal.labels import label_row, unusable
from fasttrack.journal.predictions import parse_identifier
from fasttrack.serving.responses import feedback_refusal

if TYPE_CHECKING:
    from fasttrack.contract.schema import Target
    from fasttrack.journal import Journal
    from fasttrack.journal.database import LabelRow

__all__ = ["MOST_LABELS", "take_feedback"]

MOST_LABELS = 100_000
"""In one request."""
_LISTED = 100
_SHAPE = 'send {"id": "…", "label": …} with the id of a prediction, or an array of such objects'


class _Label(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    label: bool | float | str | int


_ONE, _MANY = msgspec.json.Decoder(_Label), msgspec.json.Decoder(list[_Label])


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
    return Response(msgspec.json.encode({"accepted": number}), 202, media_type="application/json")
