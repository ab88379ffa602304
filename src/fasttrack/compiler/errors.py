"""The one error of the compiler: a step that has no exact graph, named with the way to it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from fasttrack.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NotCompilable", "within"]


class NotCompilable(TrainingError):
    """A fitted pipeline has no graph that gives exactly its answers. `where` leads to the step that is in the way."""

    def __init__(self, reason: str, where: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.where = where

    def __str__(self) -> str:
        return f"{' → '.join(self.where)}: {self.reason}" if self.where else self.reason


@contextmanager
def within(place: str) -> Iterator[None]:
    """Name `place` in every NotCompilable raised inside."""
    try:
        yield
    except NotCompilable as error:
        raise NotCompilable(error.reason, (place, *error.where)) from error.__cause__
