"""How the candidates of a choice did in cross-validation, and by which rule one of them was chosen."""

from __future__ import annotations

import msgspec

__all__ = ["Leaderboard", "Standing", "describe_loss"]


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One candidate."""

    name: str
    score: float
    """The mean of the metric over the folds."""
    error: float | None = None
    """The standard error of the mean; `None` with a single fold."""
    weight: float | None = None
    """Its share in the chosen ensemble, 0 to 1; 1 for a single chosen candidate; `None` if it was not chosen."""
    seconds: float | None = None
    """How long its cross-validation took. A manifest leaves it out: with it, each training would be another version."""


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """The candidates, best first."""

    metric: str
    validation: str
    """How they were compared, such as `3-fold cross-validation of 1,200 training rows, by random`."""
    rule: str
    """Why the chosen one was chosen, as a sentence without a full stop."""
    standings: list[Standing]

    def most_telling(self, most: int) -> list[Standing]:
        """At most so many standings, best first: those that were chosen, and the best others."""
        chosen = sum(standing.weight is not None for standing in self.standings)
        others = max(most - chosen, 0)
        shown = []
        for standing in self.standings:
            if standing.weight is None:
                if not others:
                    continue
                others -= 1
            shown.append(standing)
        return shown

    def without_times(self) -> Leaderboard:
        """The same leaderboard for the same rows, however fast the machine is."""
        timeless = [msgspec.structs.replace(standing, seconds=None) for standing in self.standings]
        return msgspec.structs.replace(self, standings=timeless)


def describe_loss(metric: str) -> str:
    """The metric's name in words."""
    return {"log_loss": "log loss", "rmse": "RMSE"}.get(metric, metric)
