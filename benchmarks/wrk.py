"""The load: wrk on a core of its own, keeping its connections busy with questions in turn."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.machine import on_core
from fasttrack.errors import ConfigError, FastTrackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.servers import Running

__all__ = ["Load", "put_load", "require_wrk"]

# Each request is put together once: what is measured is the server, not this script.
_SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local questions, turn = {}, 0
function init(arguments)
  for number = 1, tonumber(arguments[2]) do
    local file = assert(io.open(arguments[1] .. "/" .. number .. ".json", "rb"))
    questions[number] = wrk.format(nil, nil, nil, file:read("*a"))
    file:close()
  end
end
function request()
  turn = turn % #questions + 1
  return questions[turn]
end
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "duration_us": %d, "failed": %d, "p50_us": %d, "p99_us": %d}',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50.0), latency:percentile(99.0)
  ))
end
"""


@dataclass(frozen=True)
class Load:
    """What one round gave: requests a second, and in seconds the median and 99th percentile of their times.

    `busy_s`: the processor time that the server took for one request.
    """

    per_second: float
    p50_s: float
    p99_s: float
    busy_s: float


def require_wrk() -> None:
    """Raises ConfigError naming the package when wrk is not there."""
    if not shutil.which("wrk"):
        raise ConfigError("wrk, which makes the load, is not installed; on Debian, as root: apt-get install wrk")


def put_load(running: Running, bodies: Sequence[bytes], core: int, *, connections: int, seconds: int) -> Load:
    """One round. Raises FastTrackError when a request fails: a fast refusal must not count as an answer."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "questions.lua")
        script.write_text(_SCRIPT)
        for number, body in enumerate(bodies, 1):
            Path(folder, f"{number}.json").write_bytes(body)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script)]
        before = running.busy_s()
        with on_core(core):
            done = subprocess.run(
                [*command, running.url, "--", folder, str(len(bodies))],
                capture_output=True,
                text=True,
                timeout=seconds + 120,
            )
        busy = running.busy_s() - before
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise FastTrackError(f"wrk failed on {running.contender.name}: {(done.stdout + done.stderr).strip()[-1000:]}")
    said = json.loads(lines[-1])
    if said["failed"] or not said["requests"]:
        raise FastTrackError(
            f"{running.contender.name}: of {said['requests'] + said['failed']:,} requests {said['failed']:,} failed "
            f"with {connections} connections in {seconds} s"
        )
    return Load(
        per_second=said["requests"] / said["duration_us"] * 1e6,
        p50_s=said["p50_us"] / 1e6,
        p99_s=said["p99_us"] / 1e6,
        busy_s=busy / said["requests"],
    )
