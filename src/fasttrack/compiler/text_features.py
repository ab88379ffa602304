"""Features of text in a compilation: computed outside of the graph, and only those that the graph reads.

A vectorizer has thousands of features, of which a text has a few dozen. So a product with weights, as in a linear
model, is not taken in the graph: the weights are stored with the vectorizer, and the graph's input is the product.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from spox import Tensor, argument

from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.graph import TextColumn, TextPart, TextProgram, text_input_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from spox import Var

__all__ = ["TextBlock", "TextParts"]

_MAX_WEIGHTS = 1 << 24
"""More would make a file of over 128 MB."""


@dataclass(eq=False)
class TextParts:
    """The vectorizers of one compilation, and the graph inputs that are made of their features."""

    vectorizers: list[TextColumn] = field(default_factory=list)
    parts: list[TextPart] = field(default_factory=list)
    inputs: dict[str, Var] = field(default_factory=dict)

    def block(self, vectorizer: TextColumn) -> TextBlock:
        """The features of `vectorizer`."""
        return TextBlock(vectorizer, self)

    def add(self, vectorizer: TextColumn, columns: Sequence[int], weights: NDArray[np.float64] | None = None) -> Var:
        """A graph input with the features `columns`, float64[n, k], or these times `weights`, float64[k, m]."""
        used = np.asarray(columns, dtype="<i4")
        outputs, stored = 0, None
        if weights is not None:
            needed = np.flatnonzero((weights != 0).any(axis=1))
            needed = needed if len(needed) else np.array([0])
            used, weights = used[needed], weights[needed]
            if weights.size > _MAX_WEIGHTS:
                raise NotCompilable(f"its weights for text are more than {_MAX_WEIGHTS:,}; limit max_features")
            outputs, stored = weights.shape[1], np.ascontiguousarray(weights, dtype="<f8").tobytes()
        every = len(used) == vectorizer.width and bool((used == np.arange(len(used))).all())
        place = next((i for i, known in enumerate(self.vectorizers) if known is vectorizer), len(self.vectorizers))
        if place == len(self.vectorizers):
            self.vectorizers.append(vectorizer)
        name = text_input_name(len(self.parts))
        part = TextPart(
            vectorizer=place,
            columns=b"" if every else used.tobytes(),
            outputs=outputs,
            weights=stored,
        )
        self.parts.append(part)
        self.inputs[name] = argument(Tensor(np.float64, ("rows", outputs or len(used))))
        return self.inputs[name]

    def program(self) -> bytes | None:
        """The serialised TextProgram; `None` if the graph reads no text."""
        if not self.parts:
            return None
        return msgspec.msgpack.encode(TextProgram(vectorizers=self.vectorizers, parts=self.parts))


class TextBlock:
    """The features of a vectorizer, as a Block is the columns of a value of the graph. They are always finite."""

    bounded = True

    def __init__(self, vectorizer: TextColumn, parts: TextParts) -> None:
        self.vectorizer = vectorizer
        self.width = vectorizer.width
        self._parts = parts
        self._var: Var | None = None

    @property
    def var(self) -> Var:
        """All features as a value of the graph, float64[n, width]."""
        if self._var is None:
            self._var = self.take(range(self.width))
        return self._var

    def take(self, columns: Sequence[int]) -> Var:
        """float64[n, k]: the features `columns`."""
        return self._parts.add(self.vectorizer, columns)

    def product(self, columns: Sequence[int], weights: NDArray[np.float64]) -> Var:
        """float64[n, m]: the features `columns` times `weights`, float64[k, m]."""
        return self._parts.add(self.vectorizer, columns, weights)
