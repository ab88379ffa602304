"""The compiler's error: a step has no exact graph. The message names the step by its path in the pipeline."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from fasttrack.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NotCompilable", "error_context"]


class NotCompilable(TrainingError):
    """A fitted pipeline has no graph that predicts exactly its values.

    `where`: the path from the pipeline to the step that cannot be compiled, for `reason`.
    """

    def __init__(self, reason: str, where: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.where = where

    def __str__(self) -> str:
        return f"{' → '.join(self.where)}: {self.reason}" if self.where else self.reason


@contextmanager
def error_context(location: str) -> Iterator[None]:
    """Prepend `location` to the path of every NotCompilable that is raised inside."""
    try:
        yield
    except NotCompilable as error:
        raise NotCompilable(error.reason, (location, *error.where)) from error.__cause__
