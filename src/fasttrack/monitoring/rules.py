"""Recording rules: the shares of rows in each bin, and how far they have moved from training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.metrics.drift_thresholds import LEAST_ROWS, WINDOWS, stability_index_promql
from fasttrack.metrics.reference import MISSING, UNSEEN

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["recording_rules"]

_MODEL = "model, version"
_FEATURE = f"{_MODEL}, feature"


def recording_rules() -> list[dict[str, str]]:
    """The rules of a rule group, in the order of evaluation: shares come before what is computed from them."""
    return [rule for window in WINDOWS for rule in (*_feature_rules(window), *_prediction_rules(window))]


def _feature_rules(window: str) -> Iterator[dict[str, str]]:
    share, rows = f"fasttrack:feature_share:{window}", f"fasttrack:feature_rows:{window}"
    reference = f"max by ({_FEATURE}, bin) (fasttrack_feature_reference_share)"
    enough_rows = f"and on ({_FEATURE}) {rows} >= {LEAST_ROWS}"
    yield _rule(rows, f"sum by ({_FEATURE}) (increase(fasttrack_feature_bin_total[{window}]))")
    yield _rule(
        share,
        f"sum by ({_FEATURE}, bin) (increase(fasttrack_feature_bin_total[{window}]))\n"
        f"/ on ({_FEATURE}) group_left () ({rows} > 0)",
    )
    yield _rule(
        f"fasttrack:feature_psi:{window}", f"{stability_index_promql(share, reference, _FEATURE)} {enough_rows}"
    )
    for name in (MISSING, UNSEEN):
        reference = f'max by ({_FEATURE}, bin) (fasttrack_feature_reference_share{{bin="{name}"}})'
        yield _rule(
            f"fasttrack:feature_{name}_change:{window}",
            f'sum by ({_FEATURE}) (\n  {share}{{bin="{name}"}}\n  - on ({_FEATURE}, bin) {reference}\n) {enough_rows}',
        )


def _prediction_rules(window: str) -> Iterator[dict[str, str]]:
    share, rows = f"fasttrack:prediction_share:{window}", f"fasttrack:prediction_rows:{window}"
    reference = f"max by ({_MODEL}, bin) (fasttrack_prediction_reference_share)"
    yield _rule(rows, f"sum by ({_MODEL}) (increase(fasttrack_prediction_bin_total[{window}]))")
    yield _rule(
        share,
        f"sum by ({_MODEL}, bin) (increase(fasttrack_prediction_bin_total[{window}]))\n"
        f"/ on ({_MODEL}) group_left () ({rows} > 0)",
    )
    yield _rule(
        f"fasttrack:prediction_psi:{window}",
        f"{stability_index_promql(share, reference, _MODEL)} and on ({_MODEL}) {rows} >= {LEAST_ROWS}",
    )


def _rule(record: str, expr: str) -> dict[str, str]:
    return {"record": record, "expr": expr}
