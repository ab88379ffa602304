"""Counted numbers → Prometheus' series: the sums over all processes of counters, the right choice for gauges."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

    from fasttrack.metrics.ledger import Account, Key, Ledger

__all__ = ["Exposition", "Family"]


@dataclass(frozen=True)
class Family:
    """Series of one name. Keys in the ledger are the sample's name and the labels' values.

    A histogram is kept as `NAME_bucket` with one more value, the upper bound, and not cumulated, and `NAME_sum`; a
    summary as `NAME_count` and `NAME_sum`. Of a gauge, those of living processes count: `sum` adds them up, `max` is
    for what all of them say alike.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram", "summary"]
    text: str
    labels: tuple[str, ...] = ()
    merge: Literal["sum", "max"] = "sum"


class Exposition(Collector):
    """Makes the series when they are asked for."""

    def __init__(self, ledger: Ledger, families: Sequence[Family]) -> None:
        self._ledger = ledger
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """The series as they stand."""
        accounts = self._ledger.accounts()
        total = _by_sample(_sum(accounts))
        living = [account for account in accounts if account.alive]
        sums, largest = _by_sample(_sum(living)), _by_sample(_max(living))
        for family in self._families:
            if family.kind == "counter":
                yield _counter(family, total[family.name])
            elif family.kind == "gauge":
                yield _gauge(family, (sums if family.merge == "sum" else largest)[family.name])
            elif family.kind == "histogram":
                yield _histogram(family, total[f"{family.name}_bucket"], total[f"{family.name}_sum"])
            else:
                yield _summary(family, total[f"{family.name}_count"], total[f"{family.name}_sum"])


def _sum(accounts: Sequence[Account]) -> dict[Key, float]:
    found: dict[Key, float] = defaultdict(float)
    for account in accounts:
        for key, value in account.numbers.items():
            found[key] += value
    return found


def _max(accounts: Sequence[Account]) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for account in accounts:
        for key, value in account.numbers.items():
            found[key] = max(value, found.get(key, value))
    return found


def _by_sample(numbers: Mapping[Key, float]) -> defaultdict[str, dict[Key, float]]:
    found: defaultdict[str, dict[Key, float]] = defaultdict(dict)
    for key, value in numbers.items():
        found[key[0]][key[1:]] = value
    return found


def _counter(family: Family, values: Mapping[Key, float]) -> Metric:
    metric = CounterMetricFamily(family.name.removesuffix("_total"), family.text, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric


def _gauge(family: Family, values: Mapping[Key, float]) -> Metric:
    metric = GaugeMetricFamily(family.name, family.text, labels=family.labels)
    for labels, value in values.items():
        if value == value:  # NaN: not known any more
            metric.add_metric(labels, value)
    return metric


def _histogram(family: Family, counts: Mapping[Key, float], sums: Mapping[Key, float]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.text, labels=family.labels)
    buckets: dict[Key, list[tuple[str, float]]] = defaultdict(list)
    for labels, value in counts.items():
        buckets[labels[:-1]].append((labels[-1], value))
    for labels, found in buckets.items():
        found.sort(key=lambda one: float(one[0]))
        cumulated = accumulate(value for _, value in found)
        metric.add_metric(labels, list(zip((bound for bound, _ in found), cumulated, strict=True)), sums[labels])
    return metric


def _summary(family: Family, counts: Mapping[Key, float], sums: Mapping[Key, float]) -> Metric:
    metric = SummaryMetricFamily(family.name, family.text, labels=family.labels)
    for labels, value in counts.items():
        metric.add_metric(labels, value, sums[labels])  # type: ignore[arg-type]  # counts are whole floats
    return metric
