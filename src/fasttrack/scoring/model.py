"""A bundle, opened to score: from a table or request to predictions, without a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.contract.decode import Decoder
from fasttrack.errors import BundleError
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
        """Score a row of typical training values, published or not. Raises BundleError when that fails."""
        row = {column.name: column.example for column in self.contract.columns}
        try:
            self.engine.score(self.decoder.row(row))
        except Exception as error:  # noqa: BLE001  # whatever the model raises; its message may quote a value
            raise BundleError(f"{self.label} cannot score a typical training row: {type(error).__name__}") from None


def open_model(bundle: Bundle, *, max_rows: int | None = None, allow_version_mismatch: bool = False) -> ScoringModel:
    """A bundle with its decoder and engine. `max_rows`: refuse more rows at once; without it there is no limit.

    Raises BundleError as `engine_of` does.
    """
    decoder = Decoder(bundle.manifest.contract, max_rows=max_rows)
    return ScoringModel(bundle, decoder, engine_of(bundle, allow_version_mismatch=allow_version_mismatch))
