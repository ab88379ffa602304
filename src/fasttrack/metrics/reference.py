"""The reference for drift: bins that are fixed at training, and the share of the training rows in each.

Numbers are binned by the deciles of the training rows, free text by its length. Each of the most frequent categories is
a bin, as are missing values. Dates and times always move on, so only their missing values count. The names of the bins
are labels on `/metrics`, so they only have what may be published.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fasttrack.contract.disclosure import merge_rare_bins
from fasttrack.contract.published import category_count, published_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fasttrack.bundle import Bundle
    from fasttrack.contract.schema import Column, Contract, Label

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

__all__ = [
    "MISSING",
    "MOST_CATEGORIES",
    "MOST_FEATURES",
    "OTHERS",
    "REFERENCE",
    "UNSEEN",
    "Bins",
    "Reference",
    "bin_numbers",
    "calibration_error",
    "learn_reference",
    "read_reference",
]

REFERENCE = "reference.json"
"""The file in a bundle."""

MOST_FEATURES = 100
"""How many features are watched. Of a model with more, the most important ones are."""
MOST_CATEGORIES = 20
"""How many categories have a bin of their own: the most frequent ones that may be published. The others share one."""

_WELL_CALIBRATED = 0.05
"""With a larger calibration error, quality is not estimated from the probabilities."""
MISSING, UNSEEN, OTHERS = "missing", "unseen", "others"
"""The names of the bins that are not of numbers or single categories."""
_MIN_ROWS = 5
"""In bundles of versions that did not know `Contract.min_rows`."""
_DECILES = np.linspace(0.1, 0.9, 9)
_MOST_DISTINCT = 12
"""A column with at most so many different numbers has a bin for each."""


class Bins(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The bins of a column, or of the prediction.

    `names`: of the bins; they sort in the order of the bins. `shares`: the share of the training rows in each.
    `edges`: upper bounds (included) of all but the last bin of numbers. `codes`: the bin of each category by its code;
    code −1 (unseen) is in the bin `unseen`, NaN in the bin `missing`, and these two are the last bins.
    """

    name: str
    column: int = -1
    """The index of the column in the contract; −1 for the prediction."""
    names: list[str]
    shares: list[float]
    edges: list[float] = []
    codes: list[int] = []
    low: float | None = None
    high: float | None = None
    """The training range of numbers. Values outside are counted as out of range."""

    def count(self, values: Floats) -> Ints:
        """int[k]: how many of float64[n] `values` are in each bin."""
        return np.bincount(bin_numbers(self, values), minlength=len(self.names))


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The bins of the watched features, by importance if not all are watched, and of the prediction."""

    features: list[Bins]
    prediction: Bins | None
    unwatched: int = 0
    """How many features are not watched."""
    rows: int
    """The number of training rows that the shares of the features are of."""
    calibration_error: float | None = None
    """Of a classifier's probabilities on the hold-out: the mean gap between confidence and accuracy, 0 to 1."""

    @property
    def calibrated(self) -> bool:
        """Whether the probabilities are calibrated well enough to estimate quality from them."""
        return self.calibration_error is not None and self.calibration_error <= _WELL_CALIBRATED


def read_reference(bundle: Bundle) -> Reference | None:
    """The reference in a bundle; `None` for a bundle that was made before bundles had one.

    Raises BundleError for a file that was changed.
    """
    if REFERENCE not in bundle.manifest.files:
        return None
    reference = msgspec.json.decode(bundle.read(REFERENCE), type=Reference)
    columns = bundle.manifest.contract.columns
    features = [
        _without_rare_names(bins, reference.rows) if columns[bins.column].shown is None else bins
        for bins in reference.features
    ]
    return msgspec.structs.replace(reference, features=features)


def bin_numbers(bins: Bins, values: Floats) -> Ints:
    """int[n]: the bin of each of float64[n] `values`."""
    is_missing = np.isnan(values)
    unseen, missing = len(bins.names) - 2, len(bins.names) - 1
    if bins.codes:
        bin_by_code = np.array([*bins.codes, unseen, missing])
        codes = np.where(is_missing, len(bins.codes) + 1, values)
        codes = np.where((codes < 0) | (codes > len(bins.codes) + 1), len(bins.codes), codes)
        numbers: Ints = bin_by_code[codes.astype(np.intp)]
        return numbers
    numbers = np.searchsorted(bins.edges, values, side="left")
    numbers[is_missing] = missing
    return numbers


def learn_reference(
    contract: Contract, matrix: Floats, prediction: Floats, *, importance: Sequence[float] | None = None
) -> Reference:
    """The reference of float64[n, f] training rows and float64[m] predictions: numbers, or indices of the classes.

    `importance`: one number a column, which is needed for more than MOST_FEATURES columns.
    """
    order = list(range(len(contract.columns)))
    if len(order) > MOST_FEATURES and importance is not None:
        order = sorted(order, key=lambda j: -importance[j])
    watched = order[:MOST_FEATURES]
    features = [_of_column(contract.columns[j], j, matrix[:, j], contract.min_rows) for j in watched]
    classes = contract.target.classes
    if classes is None:
        bins = _of_numbers("prediction", -1, prediction, contract.min_rows)
    else:  # what the model answers is public
        bins = _of_codes("prediction", -1, len(classes), dict(enumerate(classes)), prediction)
    return Reference(features=features, prediction=bins, unwatched=len(order) - len(watched), rows=len(matrix))


def calibration_error(probabilities: Floats, truth: Ints) -> float:
    """Expected calibration error of float64[n, c] probabilities against int[n] classes, in ten bins of confidence.

    Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * 10).astype(np.intp), 9)
    counts = np.bincount(bins, minlength=10)
    gaps = np.abs(np.bincount(bins, confidence, 10) - np.bincount(bins, right.astype(np.float64), 10))
    return float(gaps.sum() / max(counts.sum(), 1))


def _of_column(column: Column, place: int, values: Floats, min_rows: int) -> Bins:
    count = category_count(column)
    if column.kind == "category" and count is not None:
        labels = dict.fromkeys(column.shown or (), "") if column.hidden else published_labels(column)
        return _of_codes(column.name, place, count, labels, values)
    if column.kind in ("category", "datetime"):  # some older bundles have no categories; times always move on
        bins = Bins(name=column.name, column=place, names=["00 present", MISSING], shares=[])
        return _with_shares(bins, values)
    if column.kind == "boolean":
        bins = Bins(name=column.name, column=place, names=["00 false", "01 true", MISSING], shares=[], edges=[0.0])
        return _with_shares(bins, values)
    bins = _of_numbers(column.name, place, values, min_rows, hidden=column.hidden)
    if column.kind == "text":  # no text is too long
        return bins
    return msgspec.structs.replace(bins, low=column.minimum, high=column.maximum)


def _of_codes(name: str, place: int, count: int, labels: Mapping[int, Label], values: Floats) -> Bins:
    """The bins of codes 0 … `count` − 1. `labels`: by code, the categories that may have a bin of their own."""
    rows = np.bincount(values[values >= 0].astype(np.intp), minlength=count)
    frequent = sorted(sorted(labels, key=lambda code: (-rows[code], code))[:MOST_CATEGORIES])
    names = [f"{i:02d} {labels[code]}".rstrip() for i, code in enumerate(frequent)]
    if count > len(frequent):
        names.append(OTHERS)
    bins = {code: i for i, code in enumerate(frequent)}
    codes = [bins.get(code, len(frequent)) for code in range(count)]
    names += [UNSEEN, MISSING]
    return _with_shares(Bins(name=name, column=place, names=names, shares=[], codes=codes), values)


def _of_numbers(name: str, place: int, values: Floats, min_rows: int, *, hidden: bool = False) -> Bins:
    """The bins of numbers, each of at least `min_rows` rows. `hidden`: the names of the bins hold no number."""
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(distinct) <= _MOST_DISTINCT:
        edges = distinct[:-1]
    else:
        edges = np.unique(np.quantile(known, _DECILES, method="inverted_cdf"))
        edges = edges[edges < distinct[-1]]
    edges = merge_rare_bins(edges, known, min_rows)
    bounds = [f"{edge:.6g}" for edge in edges]
    texts = [f"({low}, {high}]" for low, high in itertools.pairwise(bounds)]
    names = [f"≤ {bounds[0]}", *texts, f"> {bounds[-1]}"] if bounds else ["any"]
    numbered = [f"{i:02d}" if hidden else f"{i:02d} {text}" for i, text in enumerate(names)]
    return _with_shares(
        Bins(name=name, column=place, names=[*numbered, MISSING], shares=[], edges=edges.tolist()), values
    )


def _without_rare_names(bins: Bins, rows: int) -> Bins:
    """The bins of a category column without the names of those that too few training rows are in."""
    if not bins.codes:
        return bins
    names = [
        name if name in (OTHERS, UNSEEN, MISSING) or round(share * rows) >= _MIN_ROWS else name.partition(" ")[0]
        for name, share in zip(bins.names, bins.shares, strict=True)
    ]
    return msgspec.structs.replace(bins, names=names)


def _with_shares(bins: Bins, values: Floats) -> Bins:
    counts = bins.count(values)
    return msgspec.structs.replace(bins, shares=(counts / max(len(values), 1)).tolist())
