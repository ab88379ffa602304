"""Recording rules: how far features and predictions have moved from the training's bins.

The population stability index of a window is Σ (a − r)·ln(a / r) over the bins, a and r being the shares of rows now
and at training (Siddiqi, Credit Risk Scorecards, 2006; for its distribution Yurdakul, 2018). Without drift n rows in b
bins give about χ²(b − 1) / n, so with 500 rows and ten bins a PSI of 0.02 is chance and one of 0.2 is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.monitoring.plan import LEAST_ROWS, SHARE_FLOOR, WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["recording_rules"]

_BY = "model, version, feature"


def recording_rules() -> list[dict[str, str]]:
    """As a rule group has them. Each window's shares come before what is made of them."""
    return [rule for window in WINDOWS for rule in (*_of_features(window), *_of_prediction(window))]


def _of_features(window: str) -> Iterator[dict[str, str]]:
    share, rows = f"fasttrack:feature_share:{window}", f"fasttrack:feature_rows:{window}"
    reference = f"max by ({_BY}, bin) (fasttrack_feature_reference_share)"
    enough = f"and on ({_BY}) {rows} >= {LEAST_ROWS}"
    yield _rule(rows, f"sum by ({_BY}) (increase(fasttrack_feature_bin_total[{window}]))")
    yield _rule(
        share,
        f"sum by ({_BY}, bin) (increase(fasttrack_feature_bin_total[{window}]))\n"
        f"/ on ({_BY}) group_left () ({rows} > 0)",
    )
    yield _rule(
        f"fasttrack:feature_psi:{window}", f"sum by ({_BY}) (\n{_terms(share, reference, f'{_BY}, bin')}\n) {enough}"
    )
    for name in ("missing", "unseen"):
        yield _rule(
            f"fasttrack:feature_{name}_change:{window}",
            f'sum by ({_BY}) (\n  {share}{{bin="{name}"}}\n'
            f'  - on ({_BY}, bin) max by ({_BY}, bin) (fasttrack_feature_reference_share{{bin="{name}"}})\n) {enough}',
        )


def _of_prediction(window: str) -> Iterator[dict[str, str]]:
    by = "model, version"
    share, rows = f"fasttrack:prediction_share:{window}", f"fasttrack:prediction_rows:{window}"
    reference = f"max by ({by}, bin) (fasttrack_prediction_reference_share)"
    yield _rule(rows, f"sum by ({by}) (increase(fasttrack_prediction_bin_total[{window}]))")
    yield _rule(
        share,
        f"sum by ({by}, bin) (increase(fasttrack_prediction_bin_total[{window}]))\n"
        f"/ on ({by}) group_left () ({rows} > 0)",
    )
    yield _rule(
        f"fasttrack:prediction_psi:{window}",
        f"sum by ({by}) (\n{_terms(share, reference, f'{by}, bin')}\n) and on ({by}) {rows} >= {LEAST_ROWS}",
    )


def _terms(share: str, reference: str, by: str) -> str:
    """(a − r)·ln(a / r) of each bin."""
    now, then = f"clamp_min({share}, {SHARE_FLOOR:g})", f"clamp_min({reference}, {SHARE_FLOOR:g})"
    return f"  ({now} - on ({by}) {then})\n  * on ({by}) ln({now} / on ({by}) {then})"


def _rule(record: str, expr: str) -> dict[str, str]:
    return {"record": record, "expr": expr}
