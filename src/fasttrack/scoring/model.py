"""A bundle, opened to score: from a table or request to predictions, without a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.contract.decode import Decoder
from fasttrack.scoring.open import engine_of

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle
    from fasttrack.contract.schema import Contract
    from fasttrack.scoring.engine import Engine

__all__ = ["ScoringModel", "open_model"]


@dataclass(frozen=True, slots=True)
class ScoringModel:
    """Decodes rows with `decoder`, scores them with `engine`: `model.engine.score(model.decoder.columns(table))`."""

    bundle: Bundle
    decoder: Decoder
    engine: Engine

    @property
    def name(self) -> str:
        """The model's name."""
        return self.bundle.manifest.name

    @property
    def version(self) -> str:
        """The version of the bundle."""
        return self.bundle.manifest.version

    @property
    def label(self) -> str:
        """`name@version`, as replies carry it."""
        return self.bundle.label

    @property
    def contract(self) -> Contract:
        """The columns that it takes, and its target."""
        return self.bundle.manifest.contract

    def probe(self) -> None:
        """Score a row of typical training values, published or not; raises what scoring raises."""
        self.engine.score(self.decoder.row({column.name: column.example for column in self.contract.columns}))


def open_model(bundle: Bundle, *, max_rows: int | None = None, allow_version_mismatch: bool = False) -> ScoringModel:
    """A bundle with its decoder and engine. `max_rows`: refuse more rows at once; without it there is no limit.

    Raises BundleError as `engine_of` does.
    """
    decoder = Decoder(bundle.manifest.contract, max_rows=max_rows)
    return ScoringModel(bundle, decoder, engine_of(bundle, allow_version_mismatch=allow_version_mismatch))
