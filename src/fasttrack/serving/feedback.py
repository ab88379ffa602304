"""`POST /feedback`: the true outcomes of predictions, as labels by the predictions' ids."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from fasttrack.journal.feedback import label_problem, label_row, label_value
from fasttrack.journal.predictions import parse_id
from fasttrack.serving.responses import feedback_refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.contract.schema import Target
    from fasttrack.journal import Journal

__all__ = ["MOST_LABELS", "accept_feedback"]

MOST_LABELS = 100_000
"""In one request."""
_LISTED = 100
_SHAPE = 'send {"id": "…", "label": …} with the id of a prediction, or an array of such objects'


class _Label(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    label: bool | float | str | int


_ONE, _MANY = msgspec.json.Decoder(_Label), msgspec.json.Decoder(list[_Label])


def accept_feedback(journal: Journal | None, body: bytes) -> Response:
    """The reply to a `POST /feedback` of one label or many, all of which are accepted or none.

    A label must be what the version that made its prediction can predict, whichever version serves now. They are
    written in the background.
    """
    if journal is None:
        return feedback_refusal(404, "no-journal", "this server keeps no journal, so it cannot use labels")
    try:
        labels = _MANY.decode(body) if body.lstrip()[:1] == b"[" else [_ONE.decode(body)]
    except msgspec.ValidationError as error:
        return _refuse(journal, [_shape_issue(str(error))])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        journal.count_refused_labels(1)
        return feedback_refusal(400, "malformed", f"the body is not JSON; {_SHAPE}")
    if len(labels) > MOST_LABELS:
        journal.count_refused_labels(len(labels))
        detail = f"{len(labels):,} labels, the limit is {MOST_LABELS:,}; send them in parts, or use fasttrack feedback"
        return feedback_refusal(422, "too-many-rows", detail)
    ids = [parse_id(label.id) for label in labels]
    possible = _targets(journal, ids)
    issues = _issues(labels, ids, possible)
    if issues:
        return _refuse(journal, issues)
    now = time.time()
    rows = [
        label_row(*id_, _value(label.label, targets), now)
        for id_, label, targets in zip(ids, labels, possible, strict=True)
        if id_ is not None
    ]
    if not journal.add_labels(rows):
        return feedback_refusal(503, "busy", "the queue of labels is full; send them again in a minute")
    return Response(msgspec.json.encode({"accepted": len(rows)}), 202, media_type="application/json")


def _targets(journal: Journal, ids: Sequence[tuple[str, int] | None]) -> list[Sequence[Target]]:
    """For each id the targets that its prediction can have, the most likely one first."""
    known = iter(journal.origins.targets([id_ for id_ in ids if id_ is not None]))
    candidates = journal.origins.candidates()
    targets = [None if id_ is None else next(known) for id_ in ids]
    return [candidates if target is None else [target] for target in targets]


def _value(label: Any, targets: Sequence[Target]) -> Any:
    """The label as the first of `targets` that can have it reads it."""
    fitting = (target for target in targets if label_problem(label, target) is None)
    return label_value(label, next(fitting, None))


def _issues(
    labels: Sequence[_Label], ids: Sequence[tuple[str, int] | None], possible: Sequence[Sequence[Target]]
) -> list[dict[str, Any]]:
    """What is wrong with each label or its id; empty if all can be accepted."""
    issues: list[dict[str, Any]] = []
    for row, (label, id_, targets) in enumerate(zip(labels, ids, possible, strict=True)):
        if id_ is None:
            issues.append({"row": row, "column": "id", "message": "no prediction has such an id"})
            continue
        problem = _problem(label.label, targets)
        if problem is not None:
            issues.append({"row": row, "column": "label", "message": problem})
    return issues


def _problem(label: Any, targets: Sequence[Target]) -> str | None:
    """Why none of `targets`, the most likely one first, can have this label; None if one can.

    The version of a prediction is not known for a second, where another worker made it: it is one of the latest.
    """
    problems = [label_problem(label, target) for target in targets]
    return None if None in problems or not problems else problems[0]


def _shape_issue(message: str) -> dict[str, Any]:
    """Where a body does not have the shape of labels, from msgspec's message."""
    _, _, path = message.partition(" - at `$")
    row = re.search(r"\[(\d+)\]", path)
    column = re.search(r"\.(id|label)", path)
    detail = "the label is not a number that a 64-bit float can hold" if "out of range" in message else _SHAPE
    return {"row": int(row[1]) if row else 0, "column": column[1] if column else None, "message": detail}


def _refuse(journal: Journal, issues: list[dict[str, Any]]) -> Response:
    journal.count_refused_labels(len(issues))
    detail = f"row {issues[0]['row']}: {issues[0]['message']}; no label was accepted"
    return feedback_refusal(422, "invalid", detail, issues[:_LISTED])
