"""Makes Prometheus' series of the numbers of all processes: counters are added up, gauges as their family says."""

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

    from fasttrack.metrics.ledger import Key, Ledger, ProcessNumbers

__all__ = ["Exposition", "Family"]


@dataclass(frozen=True)
class Family:
    """The series of one name. Their keys in the ledger are the name of the sample and the values of the labels.

    The ledger has a histogram as `NAME_bucket`, not cumulated, whose last label is the upper bound, and `NAME_sum`; a
    summary as `NAME_count` and `NAME_sum`. A gauge counts for processes that are alive: `sum` adds their values, `max`
    is for values that are the same in all of them.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram", "summary"]
    text: str
    labels: tuple[str, ...] = ()
    merge: Literal["sum", "max"] = "sum"


class Exposition(Collector):
    """Makes the series when `/metrics` is read."""

    def __init__(self, ledger: Ledger, families: Sequence[Family]) -> None:
        self._ledger = ledger
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """The series at this moment."""
        processes = self._ledger.by_process()
        total = _by_sample(_sum(processes))
        alive = [process for process in processes if process.alive]
        sums, largest = _by_sample(_sum(alive)), _by_sample(_max(alive))
        for family in self._families:
            if family.kind == "counter":
                yield _counter(family, total[family.name])
            elif family.kind == "gauge":
                yield _gauge(family, (sums if family.merge == "sum" else largest)[family.name])
            elif family.kind == "histogram":
                yield _histogram(family, total[f"{family.name}_bucket"], total[f"{family.name}_sum"])
            else:
                yield _summary(family, total[f"{family.name}_count"], total[f"{family.name}_sum"])


def _sum(processes: Sequence[ProcessNumbers]) -> dict[Key, float]:
    sums: dict[Key, float] = defaultdict(float)
    for process in processes:
        for key, value in process.numbers.items():
            sums[key] += value
    return sums


def _max(processes: Sequence[ProcessNumbers]) -> dict[Key, float]:
    largest: dict[Key, float] = {}
    for process in processes:
        for key, value in process.numbers.items():
            largest[key] = max(value, largest.get(key, value))
    return largest


def _by_sample(numbers: Mapping[Key, float]) -> defaultdict[str, dict[Key, float]]:
    """By the name of the sample, the numbers by the values of their labels."""
    samples: defaultdict[str, dict[Key, float]] = defaultdict(dict)
    for key, value in numbers.items():
        samples[key[0]][key[1:]] = value
    return samples


def _counter(family: Family, values: Mapping[Key, float]) -> Metric:
    metric = CounterMetricFamily(family.name.removesuffix("_total"), family.text, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric


def _gauge(family: Family, values: Mapping[Key, float]) -> Metric:
    metric = GaugeMetricFamily(family.name, family.text, labels=family.labels)
    for labels, value in values.items():
        if value == value:  # NaN marks a series that has ended
            metric.add_metric(labels, value)
    return metric


def _histogram(family: Family, counts: Mapping[Key, float], sums: Mapping[Key, float]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.text, labels=family.labels)
    buckets: dict[Key, list[tuple[str, float]]] = defaultdict(list)
    for labels, value in counts.items():
        buckets[labels[:-1]].append((labels[-1], value))
    for labels, pairs in buckets.items():
        pairs.sort(key=lambda pair: float(pair[0]))
        cumulated = accumulate(value for _, value in pairs)
        metric.add_metric(labels, list(zip((bound for bound, _ in pairs), cumulated, strict=True)), sums[labels])
    return metric


def _summary(family: Family, counts: Mapping[Key, float], sums: Mapping[Key, float]) -> Metric:
    metric = SummaryMetricFamily(family.name, family.text, labels=family.labels)
    for labels, value in counts.items():
        metric.add_metric(labels, value, sums[labels])  # type: ignore[arg-type]  # the count is a whole float
    return metric
