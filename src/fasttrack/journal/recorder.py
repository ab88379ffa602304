"""Hands the predictions of one version to the journal's queue, and packs them into chunks when they leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fasttrack.journal.predictions import Chunk, Entries, join_words, pack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.decode import Batch
    from fasttrack.contract.schema import Contract
    from fasttrack.journal.predictions import JournalModel, PredictionIds
    from fasttrack.journal.queue import PredictionQueue

    Floats = NDArray[np.float64]

__all__ = ["Recorder", "Run", "pack_runs"]

_NO_WORDS: Mapping[int, dict[int, str]] = {}
_UNSEEN = -1.0
"""The code of a category that the model does not know."""


class Run(msgspec.Struct):
    """The rows of one run of a model, as they wait in the queue. `words`: as in `Entries`."""

    recorder: Recorder
    start: int
    at: float
    matrix: Floats
    words: Mapping[int, dict[int, str]]
    output: Floats
    probabilities: Floats | None
    cells: int
    """The memory that it takes, in cells of eight bytes."""


class Recorder:
    """Records the predictions of one version."""

    def __init__(self, queue: PredictionQueue, model: JournalModel, contract: Contract) -> None:
        self.model = model
        self._queue = queue
        stored = {column.name for column in model.columns}
        self._stored = [j for j, column in enumerate(contract.columns) if column.name in stored]
        self._stores_all = len(self._stored) == len(contract.columns)
        self._text = {j: place for place, j in enumerate(self._stored) if contract.columns[j].kind == "category"}
        """The stored columns of categories: by index in the contract the index among the stored columns."""
        self._text_columns = np.array(list(self._text), dtype=np.intp)
        self._has_free_text = any(contract.columns[j].categories is None for j in self._text)
        """Whether a column has no known categories, so that no value of it is unusual."""
        self._texts = {j: place for place, j in enumerate(self._stored) if contract.columns[j].kind == "text"}
        """The stored columns of free text, as above."""

    def record(self, batch: Batch, output: Floats, probabilities: Floats | None) -> PredictionIds | None:
        """Queue scored rows; returns their ids, or `None` if they are not recorded.

        Takes about a microsecond: the rows are written later.
        """
        return self._queue.add(self, batch, output, probabilities)

    def unseen_words(self, batch: Batch) -> Mapping[int, dict[int, str]]:
        """The words without a code, by index of the stored column and row: unseen categories, and all free text."""
        may_be_unseen = self._text and (batch.unusual or self._has_free_text)
        if not (may_be_unseen or self._texts):
            return _NO_WORDS
        words = {
            place: {row: word for row, word in enumerate(batch.text[column]) if word is not None}
            for column, place in self._texts.items()
        }
        if not may_be_unseen:
            return words
        unseen = batch.matrix[:, self._text_columns] == _UNSEEN
        if not unseen.any():
            return words or _NO_WORDS
        for (column, place), rows in zip(self._text.items(), unseen.T, strict=True):
            cells = batch.text[column]
            by_row = {row: word for row in np.flatnonzero(rows).tolist() if (word := cells[row]) is not None}
            if by_row:
                words[place] = by_row
        return words

    def stored_columns(self, matrix: Floats) -> Floats:
        """The stored columns of float64[n, f] rows."""
        return matrix if self._stores_all else matrix[:, self._stored]


def pack_runs(process: str, runs: Sequence[Run]) -> Chunk:
    """One chunk of consecutive runs of the same recorder."""
    recorder, model = runs[0].recorder, runs[0].recorder.model
    lengths = [len(run.output) for run in runs]
    probabilities = None
    if runs[0].probabilities is not None:
        probabilities = np.concatenate([run.probabilities for run in runs if run.probabilities is not None])
    entries = Entries(
        at=np.repeat([run.at for run in runs], lengths),
        matrix=recorder.stored_columns(np.concatenate([run.matrix for run in runs])),
        output=np.concatenate([run.output for run in runs]),
        probabilities=probabilities,
        words=join_words([run.words for run in runs], lengths),
    )
    return Chunk(
        process, runs[0].start, len(entries), runs[0].at, runs[-1].at, model.model, model.version, pack(entries)
    )
