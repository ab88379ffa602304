"""Replies to prediction requests, and how predictions are written as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.contract.datetime_text import format_datetime
from fasttrack.contract.openapi import label_key, query_reply_nests
from fasttrack.contract.schema import WORDED
from fasttrack.journal.predictions import ID_FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.contract.decode import Batch, CellIssue
    from fasttrack.contract.schema import Contract, Scalar
    from fasttrack.scoring.observer import Scored

__all__ = ["Reply", "ReplyWriter"]


class Reply(msgspec.Struct, frozen=True):
    """A reply: JSON, which is a problem document where the status is not 200. `headers`: beside type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def media_type(self) -> bytes:
        """The content type."""
        return b"application/json" if self.status == 200 else b"application/problem+json"


class ReplyWriter:
    """Writes the JSON replies of one model."""

    def __init__(self, contract: Contract, label: str) -> None:
        self._contract = contract
        self._label = label
        self._classes = [label_key(name) for name in contract.target.classes or ()]
        self._encode = msgspec.json.Encoder().encode
        begin = b'{"prediction":%b,"model":' + self._encode(label).replace(b"%", b"%%")
        self._without_id = begin + b"}"
        self._with_id = begin + b',"id":"' + ID_FORMAT.encode() + b'"}'

    def each(self, event: Scored, warnings: Mapping[int, Sequence[CellIssue]]) -> list[bytes]:
        """The reply to each of the one-row requests that were scored together; `warnings` by row."""
        prediction, ids = event.predictions.prediction, event.ids
        if self._classes:
            return [self.row(event, row, warnings.get(row, ())) for row in range(len(prediction))]
        # all numbers in one call, which writes them as `row` would
        numbers = self._encode(prediction)[1:-1].split(b",")
        if ids is None:
            bodies = [self._without_id % number for number in numbers]
        else:
            process = ids.process.encode()
            bodies = [self._with_id % (number, process, id_) for number, id_ in zip(numbers, ids.numbers, strict=True)]
        for row, issues in warnings.items():
            bodies[row] = self.row(event, row, issues)
        return bodies

    def row(self, event: Scored, row: int, warnings: Sequence[CellIssue]) -> bytes:
        """The reply to a request of one row, which is `row` of the run."""
        predictions = event.predictions
        reply: dict[str, Any] = {"prediction": predictions.prediction[row]}
        if predictions.probabilities is not None:
            reply["probabilities"] = dict(zip(self._classes, predictions.probabilities[row].tolist(), strict=True))
        reply["model"] = self._label
        if event.ids is not None:
            reply["id"] = event.ids[row]
        if warnings:
            reply["warnings"] = warnings
        return self._encode(reply)

    def rows(self, event: Scored, warnings: Sequence[CellIssue]) -> bytes:
        """The reply to a request of many rows."""
        predictions = event.predictions
        reply: dict[str, Any] = {"predictions": predictions.prediction}
        if predictions.probabilities is not None:
            reply["probabilities"] = dict(zip(self._classes, predictions.probabilities.T.tolist(), strict=True))
        reply["model"] = self._label
        if event.ids is not None:
            reply["ids"] = event.ids.all()
        if warnings:
            reply["warnings"] = warnings
        return self._encode(reply)

    def query(self, event: Scored) -> bytes:
        """The reply to a row of query parameters, repeated as the server understood it."""
        batch, predictions = event.batch, event.predictions
        row = _decoded_row(self._contract, batch)
        reply: dict[str, Any] = {"columns": row} if query_reply_nests(self._contract) else row
        reply["prediction"] = predictions.prediction[0]
        if predictions.probabilities is not None:
            reply["probabilities"] = dict(zip(self._classes, predictions.probabilities[0].tolist(), strict=True))
        if warnings := [*batch.warnings, *predictions.warnings]:
            reply["warnings"] = warnings
        return self._encode(reply)


def _decoded_row(contract: Contract, batch: Batch) -> dict[str, Scalar]:
    """The first row of `batch` as JSON carries it."""
    row: dict[str, Scalar] = {}
    for j, column in enumerate(contract.columns):
        number = float(batch.matrix[0, j])
        if number != number:  # NaN, so missing
            row[column.name] = None
        elif column.kind in WORDED:
            row[column.name] = batch.text[j][0]
        elif column.kind == "datetime":
            row[column.name] = format_datetime(number)
        else:
            convert: Any = {"integer": int, "boolean": bool}.get(column.kind, float)
            row[column.name] = convert(number)
    return row
