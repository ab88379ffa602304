"""What a prediction looks like on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.contract.decode import iso
from fasttrack.contract.openapi import label_key, query_reply_nests
from fasttrack.journal.predictions import IDENTIFIER_FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.contract.decode import Batch, CellIssue
    from fasttrack.contract.schema import Contract, Scalar
    from fasttrack.scoring.engine import Scores

__all__ = ["ReplyWriter"]


class ReplyWriter:
    """Writes the JSON replies of one model."""

    def __init__(self, contract: Contract, label: str) -> None:
        self._contract = contract
        self._label = label
        self._classes = [label_key(one) for one in contract.target.classes or ()]
        self._encode = msgspec.json.Encoder().encode
        begin = b'{"prediction":%b,"model":' + self._encode(label).replace(b"%", b"%%")
        self._plain = begin + b"}"
        self._numbered = begin + b',"id":"' + IDENTIFIER_FORMAT.encode() + b'"}'

    def each(self, scores: Scores, warnings: Mapping[int, Sequence[CellIssue]]) -> list[bytes]:
        """The reply to each of the requests of one row that were scored together; `warnings` by row."""
        ids = scores.ids
        if self._classes:
            return [self.row(scores, row, warnings.get(row, ())) for row in range(len(scores.prediction))]
        # all numbers in one call, which writes them as `row` would
        numbers = self._encode(scores.prediction)[1:-1].split(b",")
        if ids is None:
            bodies = [self._plain % number for number in numbers]
        else:
            process = ids.process.encode()
            bodies = [self._numbered % (number, process, one) for number, one in zip(numbers, ids.numbers, strict=True)]
        for row, noted in warnings.items():
            bodies[row] = self.row(scores, row, noted)
        return bodies

    def row(self, scores: Scores, row: int, warnings: Sequence[CellIssue]) -> bytes:
        """The reply to a request of one row, which is `row` of what was scored."""
        reply: dict[str, Any] = {"prediction": scores.prediction[row]}
        if scores.probabilities is not None:
            reply["probabilities"] = dict(zip(self._classes, scores.probabilities[row].tolist(), strict=True))
        reply["model"] = self._label
        if scores.ids is not None:
            reply["id"] = scores.ids[row]
        if warnings:
            reply["warnings"] = warnings
        return self._encode(reply)

    def rows(self, scores: Scores, warnings: Sequence[CellIssue]) -> bytes:
        """The reply to a request of many rows."""
        reply: dict[str, Any] = {"predictions": scores.prediction}
        if scores.probabilities is not None:
            reply["probabilities"] = dict(zip(self._classes, scores.probabilities.T.tolist(), strict=True))
        reply["model"] = self._label
        if scores.ids is not None:
            reply["ids"] = scores.ids.all()
        if warnings:
            reply["warnings"] = warnings
        return self._encode(reply)

    def query(self, batch: Batch, scores: Scores) -> bytes:
        """The reply to a row of query parameters, read back as the server understood it."""
        row = _as_read(self._contract, batch)
        reply: dict[str, Any] = {"columns": row} if query_reply_nests(self._contract) else row
        reply["prediction"] = scores.prediction[0]
        if scores.probabilities is not None:
            reply["probabilities"] = dict(zip(self._classes, scores.probabilities[0].tolist(), strict=True))
        if warnings := [*batch.warnings, *scores.warnings]:
            reply["warnings"] = warnings
        return self._encode(reply)


def _as_read(contract: Contract, batch: Batch) -> dict[str, Scalar]:
    row: dict[str, Scalar] = {}
    for j, column in enumerate(contract.columns):
        number = float(batch.matrix[0, j])
        if number != number:  # NaN, so missing
            row[column.name] = None
        elif column.kind == "category":
            row[column.name] = batch.text[j][0]
        elif column.kind == "datetime":
            row[column.name] = iso(number)
        else:
            convert: Any = {"integer": int, "boolean": bool}.get(column.kind, float)
            row[column.name] = convert(number)
    return row
