"""Starting a server on one processor, sending requests to it, measuring its memory and processor time, stopping it."""

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

from benchmarks.processors import pin_to_processor
from benchmarks.trained_model import are_correct, parse_predictions
from fasttrack.errors import FastTrackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.trained_model import PredictionRequest

__all__ = ["ROOT", "Contender", "RunningServer", "free_port", "pause_servers", "run_server"]

ROOT = Path(__file__).parent.parent
_START_TIMEOUT_S = 180
_STOP_TIMEOUT_S = 20
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Contender:
    """A server to measure: the command that starts it on a port, and the body of a request.

    `predicts`: whether its replies are predictions that can be checked; those of the echo server are not.
    """

    name: str
    command: Callable[[int], Sequence[str | Path]]
    path: str
    body: Callable[[PredictionRequest], bytes]
    env: Mapping[str, str] = field(default_factory=dict)
    predicts: bool = True


@dataclass(frozen=True)
class RunningServer:
    """A contender's process. `started`: the time at which it was started (`time.perf_counter`), in seconds."""

    contender: Contender
    port: int
    pid: int
    started: float

    @property
    def url(self) -> str:
        """The URL for predictions."""
        return f"http://127.0.0.1:{self.port}{self.contender.path}"

    def send(self, request: PredictionRequest) -> bytes:
        """The reply to a request. Raises FastTrackError unless its status is 200, OSError if nothing listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", self.contender.path, self.contender.body(request), headers)
            response = connection.getresponse()
            reply = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise FastTrackError(f"{self.contender.name} replied {response.status}: {reply[:500].decode()}")
        return reply

    def check(self, requests: Sequence[PredictionRequest]) -> None:
        """Raise FastTrackError for the first request whose predictions differ from scikit-learn's."""
        for number, request in enumerate(requests):
            reply = self.send(request)
            if self.contender.predicts and not are_correct(request, parse_predictions(reply)):
                raise FastTrackError(
                    f"{self.contender.name} replied {reply[:300].decode()} to request {number}, but scikit-learn "
                    f"predicts {request.expected[:5]}; a server with wrong predictions is not measured"
                )

    def pss_bytes(self) -> int:
        """The memory of all its processes as PSS: a shared page is divided among the processes that share it."""
        return sum(_pss_bytes(pid) for pid in _process_tree(self.pid))

    def cpu_seconds(self) -> float:
        """The processor time that all its processes have used, in seconds."""
        return sum(_cpu_seconds(pid) for pid in _process_tree(self.pid))


@contextmanager
def run_server(contender: Contender, request: PredictionRequest, processor: int) -> Iterator[RunningServer]:
    """Run the contender on one `processor`, and stop it at the end. Yields after its first correct reply to `request`.

    Raises FastTrackError with the end of the server's output if it stops or does not reply in time.
    """
    port = free_port()
    with tempfile.TemporaryFile() as log:
        with pin_to_processor(processor):
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
        server = RunningServer(contender, port, process.pid, started)
        try:
            _wait_until_ready(server, process, request, log.fileno())
            yield server
        finally:
            _stop(process)


@contextmanager
def pause_servers(servers: Sequence[RunningServer]) -> Iterator[None]:
    """Suspend the servers: one that polls while idle would take processor time from the one that is measured."""
    pids = [pid for server in servers for pid in _process_tree(server.pid)]
    try:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # a worker may have ended since
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _wait_until_ready(
    server: RunningServer, process: subprocess.Popen[bytes], request: PredictionRequest, log: int
) -> None:
    while True:
        if process.poll() is not None:
            raise FastTrackError(f"{server.contender.name} stopped during its start: {_end_of_log(log)}")
        try:
            server.check([request])
        except (OSError, http.client.HTTPException):  # it does not listen yet
            pass
        else:
            return
        if time.perf_counter() - server.started > _START_TIMEOUT_S:
            raise FastTrackError(
                f"{server.contender.name} did not reply within {_START_TIMEOUT_S} s: {_end_of_log(log)}"
            )
        time.sleep(0.002)


def _end_of_log(log: int) -> str:
    return os.pread(log, 1 << 20, 0).decode(errors="replace").strip()[-2000:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    start_times = {pid: _start_time(pid) for pid in _process_tree(process.pid)}
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid, start_time in start_times.items():
        # an equal start time shows that it is a worker left behind, and not another process that reuses its number
        if start_time is not None and _start_time(pid) == start_time:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on, as the second may contain spaces; `None` if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _start_time(pid: int) -> int | None:
    """When the process was started, in clock ticks since the boot; `None` if it has ended."""
    fields = _stat_fields(pid)
    return None if fields is None else int(fields[19])


def _process_tree(leader: int) -> list[int]:
    """A server and its workers: the processes of the session that it leads, and all their descendants."""
    children: dict[int, list[int]] = {}
    tree = []
    for entry in Path("/proc").iterdir():
        fields = _stat_fields(int(entry.name)) if entry.name.isdigit() else None
        if fields is not None:
            pid, parent, session = int(entry.name), int(fields[1]), int(fields[3])
            children.setdefault(parent, []).append(pid)
            if session == leader:
                tree.append(pid)
    for pid in tree:
        tree.extend(child for child in children.get(pid, ()) if child not in tree)
    return tree


def _cpu_seconds(pid: int) -> float:
    fields = _stat_fields(pid)
    return 0.0 if fields is None else (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def _pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
