"""Generated tables with and without planted faults, to count what the checks find and what they name wrongly."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["honest_table", "planted_leak"]


def honest_table(seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Features with a real but noisy relation to the target, of sizes, kinds and strengths that tables have."""
    random = np.random.default_rng(seed)
    n = int(random.choice([80, 200, 600, 2000]))
    f = int(random.integers(2, 9))
    frame = pd.DataFrame({f"x{j}": random.normal(size=n) for j in range(f)})
    frame["amount"] = random.lognormal(3, 1, n).round(2)
    frame["count"] = random.poisson(random.uniform(1, 2000), n)
    frame["grade"] = random.choice(list("ABCDE"), n)
    frame["when"] = pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(random.permutation(n), unit="D")
    signal = frame["x0"] * random.uniform(0.5, 2) + frame["x1"] + (frame["grade"] == "A") * 1.5
    # at most nine tenths of the variance can be explained, and no one column explains all of that
    y = signal + random.normal(size=n) * signal.std() * random.uniform(0.35, 2)
    if seed % 2:
        return frame, pd.Series(np.where(y > np.quantile(y, random.uniform(0.5, 0.9)), "yes", "no"))
    return frame, pd.Series(y)


def planted_leak(seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """An honest table with a column that gives the target away, called `leak`."""
    frame, y = honest_table(seed)
    random = np.random.default_rng(seed + 1)
    if seed % 2:
        wrong = random.random(len(y)) < 0.005
        frame["leak"] = np.where(wrong, "?", y.map({"yes": "approved", "no": "declined"}))
        return frame, y
    copies = [
        y * 1.8 + 32,
        np.exp((y - y.mean()) / y.std() / 2),
        (y + random.normal(size=len(y)) * y.std() * 0.02).round(3),
        -y.rank(),
    ]
    frame["leak"] = copies[seed // 2 % 4]
    return frame, y
