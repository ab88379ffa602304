"""How much work property tests and comparisons do: a fraction at a desk, all of it in CI (`TEST_BUDGET=thorough`)."""

from __future__ import annotations

import os

__all__ = ["THOROUGH", "budget"]

THOROUGH = os.environ.get("TEST_BUDGET", "thorough" if os.environ.get("CI") else "quick") == "thorough"


def budget(thorough: int, quick: int | None = None) -> int:
    """The number of examples or rows: `thorough` in CI, else `quick`, by default a fifth of it and at least 8."""
    if THOROUGH:
        return thorough
    return min(thorough, max(thorough // 5, 8)) if quick is None else quick
