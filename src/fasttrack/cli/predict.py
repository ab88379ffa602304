"""`fasttrack predict`: predict one row with a stored model, without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fasttrack.cli.options import ModelOption, StoreOption
from fasttrack.errors import ConfigError
from fasttrack.suggestions import did_you_mean, list_names, names_hint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.contract.decode import RefusedRequest
    from fasttrack.scoring.engine import Predictions

__all__ = ["predict"]

_MOST_CLASSES = 20
_FEWEST_DIGITS = 1e-4


def predict(
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="COLUMN=VALUE",
            help="The value of each feature. A model of one feature also takes the bare value.",
        ),
    ],
    store: StoreOption = "model",
    model: ModelOption = None,
) -> None:
    """Predict one row with a stored model, without a server.

    Prints the prediction and, for a classifier, the probability of each class below it.
    """
    from fasttrack.contract.decode import RefusedRequest
    from fasttrack.contract.openapi import label_key
    from fasttrack.scoring.model import open_model
    from fasttrack.scoring.open import find_bundle
    from fasttrack.settings import Settings
    from fasttrack.store import open_store

    mismatch = Settings.from_environment().allow_version_mismatch
    scoring = open_model(find_bundle(open_store(store), model), allow_version_mismatch=mismatch)
    contract = scoring.contract
    pairs = _parse_pairs(values, contract.names)
    try:
        batch = scoring.decoder.query(pairs)
        predictions = scoring.engine.score(batch)
    except RefusedRequest as refusal:
        raise ConfigError(_explain(refusal, scoring.label, contract.names)) from None
    for warning in [*batch.warnings, *predictions.warnings]:
        hint = "" if warning.column in contract.names else did_you_mean(warning.column or "", contract.names)
        typer.echo(f"warning: {warning.column}: {warning.message}{hint}", err=True)
    typer.echo(label_key(predictions.prediction[0]))
    for line in _probability_lines(predictions, [label_key(label) for label in contract.target.classes or ()]):
        typer.echo(line)


def _parse_pairs(values: Sequence[str], names: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for value in values:
        column, equals, text = value.partition("=")
        if not equals and len(names) != 1:
            raise ConfigError(f"{value!r} names no column; write COLUMN=VALUE; the columns are {list_names(names)}")
        pairs.append((column, text) if equals else (names[0], value))
    return pairs


def _explain(refusal: RefusedRequest, label: str, names: Sequence[str]) -> str:
    """All that is wrong with the row in one line: the missing columns first, then the others."""
    missing = [column for column, reason in refusal.cells if reason == "missing"]
    parts = [f"{label} needs a value for {list_names(list(map(repr, missing)))}"] if missing else []
    for issue in refusal.issues:
        if issue.column is None:
            parts.append(issue.message)
        elif issue.column not in names:
            parts.append(f"{issue.column!r} is not a column of the model{names_hint(issue.column, names)}")
        elif issue.column not in missing:
            parts.append(f"column {issue.column!r}: {issue.message}")
    return "; ".join(parts) or refusal.detail


def _probability_lines(predictions: Predictions, classes: Sequence[str]) -> list[str]:
    """A line for each class and its probability, the most probable first; empty without probabilities."""
    if predictions.probabilities is None:
        return []
    probabilities = dict(zip(classes, predictions.probabilities[0].tolist(), strict=True))
    ranked = sorted(probabilities.items(), key=lambda entry: -entry[1])
    width = max(len(name) for name, _ in ranked[:_MOST_CLASSES])
    lines = [f"  {name:<{width}}  {_probability(value)}" for name, value in ranked[:_MOST_CLASSES]]
    rest = ranked[_MOST_CLASSES:]
    if rest:
        total = sum(value for _, value in rest)
        lines.append(f"  {len(rest):,} other classes together  {_probability(total)}")
    return lines


def _probability(value: float) -> str:
    return f"{value:.4f}" if value == 0 or value >= _FEWEST_DIGITS else f"{value:.1e}"
