"""The few errors a user can meet. Each message says what was wrong, where, and what to do next, in one breath."""

from __future__ import annotations

import traceback

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
    "stack_without_messages",
]


def in_a_line(error: Exception) -> str:
    """What somebody else's code raised, for a message of one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def stack_without_messages(error: BaseException) -> str:
    """The stack of an error and of those that it came from, without their messages, which may quote a value."""
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None:
        frames = "".join(traceback.format_tb(current.__traceback__))
        parts.append(f"{frames}{type(current).__qualname__} (its message is not logged)")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\nwhich came from\n".join(parts)


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
