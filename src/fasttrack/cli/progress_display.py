"""Progress on stderr while a command works: its steps with their durations, and the bytes of a transfer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import rich.progress
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import TaskID

__all__ = ["StepDisplay", "TransferBar"]

_TRIAL = "trial "


class StepDisplay:
    """Prints each step with its duration in seconds; on a terminal a spinner turns while the step runs."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._status = self._console.status("starting")
        self._step: str | None = None
        self._started = 0.0

    def __enter__(self) -> StepDisplay:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self._finish()
        self._status.stop()

    def begin(self, step: str) -> None:
        """Begin a step, which ends the one before. On a terminal each trial of a search replaces the trial before."""
        if not (self._console.is_terminal and step.startswith(_TRIAL) and (self._step or "").startswith(_TRIAL)):
            self._finish()
        self._step, self._started = step, time.perf_counter()
        self._status.update(escape(step))

    def _finish(self) -> None:
        if self._step is not None:
            seconds = time.perf_counter() - self._started
            self._console.print(self._step + (f"  {seconds:.1f} s" if seconds >= 0.1 else ""))
            self._step = None


class TransferBar:
    """A progress bar for a transfer, where stderr is a terminal."""

    def __init__(self, what: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bar = rich.progress.Progress(*columns, console=Console(stderr=True), transient=True)
        self._what = what
        self._task: TaskID | None = None

    def __enter__(self) -> TransferBar:
        if self._bar.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """Show that `done` of `total` bytes have arrived."""
        if self._task is None:
            self._task = self._bar.add_task(self._what, total=total)
        self._bar.update(self._task, completed=done)
