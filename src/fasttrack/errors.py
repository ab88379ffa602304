"""The few errors a user can meet. Each message says what was wrong, where, and what to do next, in one breath."""

from __future__ import annotations

__all__ = [
    "BundleError",
    "ConfigError",
    "DataError",
    "FastTrackError",
    "StoreError",
    "StoreUnreachable",
    "TrackingError",
    "TrainingError",
    "in_a_line",
]


def in_a_line(error: Exception) -> str:
    """What somebody else's code raised, for a message of one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class FastTrackError(Exception):
    """What a user can meet and mend: the command line prints its message alone and exits with 1."""


class ConfigError(FastTrackError):
    """A configuration file, an environment setting or an argument cannot be used."""


class DataError(FastTrackError):
    """A table cannot be read, or does not hold what it must."""


class TrainingError(FastTrackError):
    """A pipeline cannot be built, fitted or evaluated on this table."""


class BundleError(FastTrackError):
    """A bundle is damaged, foreign, or was made for other package versions."""


class StoreError(FastTrackError):
    """A store holds no such model or version, or cannot be written."""


class StoreUnreachable(StoreError):
    """A store does not answer now; what was read from it before may still be used."""


class TrackingError(FastTrackError):
    """MLflow does not answer, or refuses what it is asked."""
