"""Starting a server on one core, asking it, reading what it costs in memory and processor time, stopping it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.machine import on_core
from benchmarks.questions import answers, right
from fasttrack.errors import FastTrackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.questions import Question

__all__ = ["Contender", "Running", "free_port", "halted", "serving"]

ROOT = Path(__file__).parent.parent
_START_S = 180
_STOP_S = 20
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Contender:
    """A server to measure: how it is started on a port, and how a question is put to it.

    `checks`: whether its replies are predictions; the echo's are not.
    """

    name: str
    command: Callable[[int], Sequence[str | Path]]
    path: str
    body: Callable[[Question], bytes]
    env: Mapping[str, str] = field(default_factory=dict)
    checks: bool = True


@dataclass(frozen=True)
class Running:
    """A contender at work; `started` is when its process was (`time.perf_counter`), seconds."""

    contender: Contender
    port: int
    pid: int
    started: float

    @property
    def url(self) -> str:
        """Where it takes questions."""
        return f"http://127.0.0.1:{self.port}{self.contender.path}"

    def ask(self, question: Question) -> bytes:
        """The reply to a question. Raises FastTrackError when it is no success, OSError when nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", self.contender.path, self.contender.body(question), headers)
            response = connection.getresponse()
            reply = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise FastTrackError(f"{self.contender.name} answered {response.status}: {reply[:500].decode()}")
        return reply

    def check(self, questions: Sequence[Question]) -> None:
        """Raises FastTrackError naming the first question that is not answered as scikit-learn does."""
        for number, question in enumerate(questions):
            reply = self.ask(question)
            if self.contender.checks and not right(question, answers(reply)):
                raise FastTrackError(
                    f"{self.contender.name} answered question {number} with {reply[:300].decode()}, "
                    f"scikit-learn with {question.expected[:5]}; a wrong answer is not worth measuring"
                )

    def pss_bytes(self) -> int:
        """The memory of all its processes, each shared page divided among those that share it."""
        return sum(_pss(pid) for pid in _family(self.pid))

    def busy_s(self) -> float:
        """The processor time that all its processes have taken, seconds."""
        return sum(_busy(pid) for pid in _family(self.pid))


@contextmanager
def serving(contender: Contender, question: Question, core: int) -> Iterator[Running]:
    """The contender on `core` alone, from its first right answer on; stopped at the end.

    Raises FastTrackError with the end of what it said when it stops by itself or never answers.
    """
    port = free_port()
    with tempfile.TemporaryFile() as log:
        with on_core(core):
            started = time.perf_counter()
            process = subprocess.Popen(
                [str(part) for part in contender.command(port)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env={**os.environ, **contender.env},
                start_new_session=True,
            )
        running = Running(contender, port, process.pid, started)
        try:
            _wait(running, process, question, log.fileno())
            yield running
        finally:
            _stop(process)


@contextmanager
def halted(servers: Sequence[Running]) -> Iterator[None]:
    """The servers stand still inside: one that polls as it waits would take time from the one that is measured."""
    pids = [pid for server in servers for pid in _family(server.pid)]
    try:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # a worker may have ended since
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _wait(running: Running, process: subprocess.Popen[bytes], question: Question, log: int) -> None:
    while True:
        if process.poll() is not None:
            raise FastTrackError(f"{running.contender.name} stopped as it started: {_end_of(log)}")
        try:
            running.check([question])
        except (OSError, http.client.HTTPException):  # nobody listens yet
            pass
        else:
            return
        if time.perf_counter() - running.started > _START_S:
            raise FastTrackError(f"{running.contender.name} did not answer within {_START_S} s: {_end_of(log)}")
        time.sleep(0.002)


def _end_of(log: int) -> str:
    return os.pread(log, 1 << 20, 0).decode(errors="replace").strip()[-2000:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    family = {pid: _born(pid) for pid in _family(process.pid)}
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid, born in family.items():
        if born is not None and _born(pid) == born:  # a worker left behind, not a stranger who was given its number
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    """One that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on (the second may hold anything); `None` when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _born(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None else int(fields[19])


def _family(leader: int) -> list[int]:
    """A server and its workers: the processes of the session that it leads, and all that descend from those."""
    children: dict[int, list[int]] = {}
    family = []
    for entry in Path("/proc").iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else None
        if fields is not None:
            pid, parent, session = int(entry.name), int(fields[1]), int(fields[3])
            children.setdefault(parent, []).append(pid)
            if session == leader:
                family.append(pid)
    for pid in family:
        family.extend(child for child in children.get(pid, ()) if child not in family)
    return family


def _busy(pid: int) -> float:
    fields = _stat(pid)
    return 0.0 if fields is None else (int(fields[11]) + int(fields[12])) / _TICKS


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
