"""Tables with a known answer: honest ones of many shapes, and such in which a fault was planted.

Each function gives another table for each seed, and the same one for the same seed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Draw = Callable[[np.random.Generator, int], Any]

__all__ = [
    "IDENTIFIERS",
    "MEASURES",
    "GeneratedTable",
    "honest_table",
    "with_copies",
    "with_entities",
    "with_leak",
    "with_order",
    "with_sum",
]

_WORDS = [
    "the",
    "room",
    "was",
    "clean",
    "quiet",
    "and",
    "close",
    "to",
    "a",
    "station",
    "but",
    "breakfast",
    "came",
    "late",
    "every",
    "day",
    "in",
    "this",
    "old",
    "house",
]
_NAMES = [
    "Ann",
    "Ben",
    "Carla",
    "Dmitri",
    "Elif",
    "Farid",
    "Greta",
    "Hiro",
    "Ines",
    "Jan",
    "Karim",
    "Lena",
    "Mia",
    "Noor",
    "Olga",
    "Pavel",
    "Quinn",
    "Rosa",
]


@dataclass(frozen=True)
class GeneratedTable:
    """Features `X` [n, f] and target `y` [n], called `y`. `planted`: the columns of the planted fault."""

    X: pd.DataFrame
    y: pd.Series[Any]
    regression: bool
    planted: tuple[str, ...] = ()

    def with_column(self, name: str, values: Any) -> GeneratedTable:
        """The table with the column of a planted fault."""
        return GeneratedTable(self.X.assign(**{name: values}), self.y, self.regression, (*self.planted, name))


def honest_table(seed: int) -> GeneratedTable:
    """Numbers, categories, dates and words with a real but noisy relation to the target.

    Sizes, kinds, strengths, missing values and rare classes vary. The strongest column explains at most nine tenths.
    Every sixth table has few combinations of values, so that rows repeat by their nature.
    """
    random = np.random.default_rng(seed)
    n = int(random.choice([80, 200, 600, 2000]))
    if seed % 6 == 5:
        return _few_combinations(random, n)
    X = pd.DataFrame({f"x{j}": random.normal(size=n) for j in range(int(random.integers(2, 9)))})
    X["amount"] = random.lognormal(3, 1, n).round(2)
    X["count"] = random.poisson(random.uniform(1, 2000), n)
    X["population"] = random.lognormal(9, 1.5, n).astype(np.int64)
    X["grade"] = random.choice(list("ABCDE"), n)
    X["carrier"] = random.choice([f"{a}{b}" for a in "ADUW" for b in "ALNX9"], n)
    X["airport"] = random.choice([f"{a}{b}{c}" for a in "ABCD" for b in "EFGH" for c in "IJKL"], n)
    X["zip"] = np.char.zfill(random.integers(1000, 1000 + n // 3, n).astype(str), 5)
    X["operator_id"] = random.integers(100, 100 + n // 4, n)  # of which the target does not depend
    X["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.permutation(n), unit="D")
    shape = random.choice(["line", "bend", "step"])
    first = {"line": X["x0"], "bend": np.abs(X["x0"]) * 2, "step": np.sign(X["x0"])}[str(shape)]
    signal = first * random.uniform(0.5, 3) + X["x1"] + (X["grade"] == "A") * 1.5
    # at most nine tenths of the variance can be explained
    score = signal + random.normal(size=n) * signal.std() * random.uniform(0.35, 2)
    for name in ("x1", "amount", "grade"):  # missing values that depend on the target a little
        X.loc[random.random(n) < np.where(score > score.median(), 0.15, 0.05), name] = None
    return _with_target(random, X, score)


def _with_target(random: np.random.Generator, X: pd.DataFrame, score: pd.Series[Any]) -> GeneratedTable:
    task = random.choice(["regression", "binary", "rare", "multiclass"])
    if task == "regression":
        return GeneratedTable(X, pd.Series(score.to_numpy(), name="y"), True)
    if task == "multiclass":
        y = pd.Series(np.select([score > score.quantile(0.7), score > score.quantile(0.3)], ["high", "middle"], "low"))
    else:
        cut = score.quantile(random.uniform(0.9, 0.97) if task == "rare" else random.uniform(0.4, 0.8))
        y = pd.Series(np.where(score > cut, "yes", "no"))
    return GeneratedTable(X, y.rename("y"), False)


def _few_combinations(random: np.random.Generator, n: int) -> GeneratedTable:
    X = pd.DataFrame({"class": random.choice(["1st", "2nd", "3rd"], n), "sex": random.choice(["f", "m"], n)})
    X["adult"] = random.random(n) < 0.8
    chance = 0.2 + 0.3 * (X["sex"] == "f") + 0.3 * (X["class"] == "1st")
    return GeneratedTable(X, pd.Series(np.where(random.random(n) < chance, "yes", "no"), name="y"), False)


def with_leak(seed: int) -> GeneratedTable:
    """An honest table with a column that gives the target away: a copy, transformed, coded, noisy, or partly filled."""
    table, random = _rich_table(seed), np.random.default_rng(seed + 1)
    y, n = table.y, len(table.y)
    if table.regression:
        spread = (y - y.mean()) / y.std()
        copies: list[Any] = [
            y * 1.8 + 32,
            np.exp(spread / 2),
            (y + random.normal(size=n) * y.std() * 0.05).round(3),
            -y.rank(),
            [f"{'ABCDEFG'[k // 5]}{k % 5 + 1}" for k in pd.qcut(y, 35, labels=False)],
        ]
    else:
        codes, names = pd.factorize(y)
        wrong = random.random(n) < 0.005 * (codes != np.bincount(codes).argmax()).mean()
        recoded = np.where(wrong, "unknown", pd.Series([f"state {k}" for k in range(len(names))])[codes])
        copies = [
            recoded,
            codes + np.where(wrong, 1, 0),
            codes + random.uniform(-0.45, 0.45, n),
            pd.Series(codes + 1.0).where(codes != np.bincount(codes).argmax()) if len(names) == 2 else recoded,
            pd.Series("reason", range(n)).where((codes == np.bincount(codes).argmin()) & (random.random(n) < 0.9)),
        ]
    return table.with_column("outcome", copies[seed % 5])


def with_sum(seed: int) -> GeneratedTable:
    """A table whose target is the sum or the mean of some of its columns, also with signs and rounded."""
    random = np.random.default_rng(seed)
    n, parts = int(random.choice([100, 300, 1000])), int(random.integers(2, 6))
    names = [f"part{k}" for k in range(parts)]
    X = pd.DataFrame({name: random.gamma(2, random.uniform(5, 500), n).round(2) for name in names})
    X["hour"] = random.integers(0, 24, n)
    X["ratio"] = X["part0"] / (X["part1"] + 1)
    if seed % 2:
        X["twice"] = X["part0"] * 2  # depends on a part
    signs = np.where(random.random(parts) < 0.2, -1, 1) if seed % 3 else np.ones(parts)
    total = (X[names] * signs).sum(axis=1)
    y = (total / parts).round(2) if seed % 3 == 0 else total.round(2)
    return GeneratedTable(X, y.rename("y"), True, tuple(names))


def with_copies(seed: int) -> GeneratedTable:
    """An honest table with copies: all rows several times, some rows twice, or the rows of one class oversampled."""
    table, random = _rich_table(seed), np.random.default_rng(seed + 1)
    rows = np.arange(len(table.y))
    match seed % 3:
        case 0:
            rows = np.tile(rows, int(random.integers(2, 6)))
        case 1:
            rows = np.append(rows, random.choice(rows, len(rows) // 10))
        case _:
            of_one = (
                rows[table.y == table.y.value_counts().index[-1]] if not table.regression else rows[: len(rows) // 4]
            )
            rows = np.append(rows, np.repeat(of_one, 4))
    rows = random.permutation(rows)
    X, y = (part.iloc[rows].reset_index(drop=True) for part in (table.X, table.y))
    return GeneratedTable(X, y, table.regression)


def with_entities(seed: int) -> GeneratedTable:
    """A table with several rows of each of many things, whose targets are alike; `planted` has the ids."""
    table, random = _rich_table(seed), np.random.default_rng(seed + 1)
    n = len(table.y)
    count = max(25, int(n / random.uniform(3, 8)))
    of_row = random.integers(0, count, n)
    effect = random.normal(size=count)[of_row]
    score = effect * random.uniform(0.8, 2) + random.normal(size=n)
    y = pd.Series(score) if table.regression else pd.Series(np.where(score > np.quantile(score, 0.6), "yes", "no"))
    ids = [
        of_row * 7 + 1001,
        [f"C-{k:05}" for k in of_row],
        [sha256(bytes([k % 256, k // 256])).hexdigest() for k in of_row],
    ]
    name = ["patient_id", "customer", "userId", "device"][seed % 4]
    planted = GeneratedTable(table.X, y.rename("y"), table.regression)
    return planted.with_column(name, ids[seed % 3])


def with_order(seed: int) -> GeneratedTable:
    """An honest table whose rows are in the order of a column of times, `planted`, but for a few."""
    table, random = _rich_table(seed), np.random.default_rng(seed + 1)
    n = len(table.y)
    hours = np.sort(random.integers(0, 20 * n, n))
    late = random.random(n) < 0.002
    times: Any = pd.Timestamp("2021-03-01") + pd.to_timedelta(np.where(late, hours - 48, hours), unit="h")
    if seed % 4 == 1:
        times = times[::-1]
    return table.with_column("recorded", times)


def _rich_table(seed: int) -> GeneratedTable:
    """An honest table with many combinations of values."""
    return honest_table(seed if seed % 6 != 5 else seed + 6 * 10**6 + 1)


def _unique(random: np.random.Generator, low: int, high: int, n: int) -> NDArray[np.int64]:
    drawn = np.unique(random.integers(low, high, 2 * n))
    return random.permutation(drawn)[:n].astype(np.int64)


def _text_of(random: np.random.Generator, n: int) -> list[str]:
    return [" ".join(random.choice(_WORDS, int(random.integers(4, 15)))) + f" {k}" for k in range(n)]


def _people(random: np.random.Generator, n: int) -> list[str]:
    return [f"{random.choice(_NAMES)}son, Mr. {random.choice(_NAMES)} {random.choice(_NAMES)} {k}" for k in range(n)]


def _days(random: np.random.Generator, n: int) -> pd.Series[Any]:
    return pd.Series(pd.Timestamp("1995-01-01") + pd.to_timedelta(random.permutation(4 * n)[:n], unit="D"))


IDENTIFIERS: dict[str, Draw] = {
    "rownames": lambda _, n: np.arange(1, n + 1),
    "Unnamed: 0": lambda _, n: np.arange(n),
    "n": lambda random, n: random.permutation(n),
    "record": lambda random, n: np.sort(random.choice(np.arange(1, int(1.3 * n)), n, replace=False)),
    "customer_number": lambda random, n: 100_000 + np.cumsum(random.integers(1, 20, n)),
    "booking": lambda random, n: 2_000_000 + np.cumsum(random.integers(1, 9, n)),
    "account": lambda random, n: _unique(random, 100_000, 999_999, n),
    "phone": lambda random, n: _unique(random, 10**8, 10**9, n),
    "PassengerId": lambda random, n: _unique(random, 1, 50 * n, n),
    "member id": lambda random, n: pd.Series(_unique(random, 10**6, 10**7, n)).where(random.random(n) > 0.1),
    "uid": lambda random, n: [str(uuid.UUID(bytes=random.bytes(16))) for _ in range(n)],
    "digest": lambda random, n: [sha256(random.bytes(8)).hexdigest() for _ in range(n)],
    "ticket": lambda random, n: [f"T{k:07}" for k in _unique(random, 1, 10**7, n)],
    "name": _people,
}
"""Columns that name rows, by the name of the column."""

MEASURES: dict[str, Draw] = {
    "population": lambda random, n: np.unique(random.lognormal(13, 1.5, 2 * n).astype(np.int64))[:n],
    "price": lambda random, n: random.permutation(np.unique(random.normal(2e6, 4e5, 2 * n).astype(np.int64)))[:n],
    "area": lambda random, n: _unique(random, 20, 6 * n, n),
    "mileage": lambda random, n: _unique(random, 10, 90_000, n),
    "sorted_income": lambda random, n: np.sort(np.unique(random.lognormal(10, 0.6, 2 * n).astype(np.int64))[:n]),
    "sorted_distance": lambda random, n: np.sort(_unique(random, 3, 40 * n, n)),
    "rank": lambda random, n: random.permutation(n) + 1,
    "year": lambda random, n: np.arange(1500, 1500 + min(n, 700)),
    "timestamp": lambda random, n: 1_600_000_000 + np.cumsum(random.integers(60, 7200, n)),
    "created": lambda random, n: 1_500_000_000 + _unique(random, 0, 10**8, n),
    "day_key": lambda random, n: _days(random, n).dt.strftime("%Y%m%d").astype(np.int64),
    "start": lambda random, n: _days(random, n).dt.strftime("%d.%m.%Y"),
    "ended": lambda random, n: _days(random, n).dt.strftime("%m/%d/%Y"),
    "seen": lambda random, n: _days(random, n).dt.strftime("%Y/%m/%d %H:%M"),
    "born": lambda random, n: _days(random, n).dt.strftime("%d-%b-%y"),
    "weight": lambda random, n: random.normal(70, 12, n),
    "balance": lambda random, n: random.normal(0, 1e6, n).round(2),
    "review": _text_of,
}
"""Columns of values that never repeat and nevertheless say something, by the name of the column."""
