"""The load generator: wrk on its own processor, which sends the requests in turn over all its connections."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processors import pin_to_processor
from fasttrack.errors import ConfigError, FastTrackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.servers import RunningServer

__all__ = ["LoadResult", "require_wrk", "run_load"]

# Each request is formatted once, so that the server is measured and not this script.
_SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local requests, turn = {}, 0
function init(arguments)
  for number = 1, tonumber(arguments[2]) do
    local file = assert(io.open(arguments[1] .. "/" .. number .. ".json", "rb"))
    requests[number] = wrk.format(nil, nil, nil, file:read("*a"))
    file:close()
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
function done(summary, latency)
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
class LoadResult:
    """The result of one round. `p50_s`, `p99_s`: the median and 99th percentile of the response times, in seconds.

    `cpu_s`: the server's processor time for a request, in seconds.
    """

    requests_per_second: float
    p50_s: float
    p99_s: float
    cpu_s: float


def require_wrk() -> None:
    """Raise ConfigError with the name of the package if wrk is not installed."""
    if not shutil.which("wrk"):
        raise ConfigError("wrk, the load generator, is not installed; on Debian, as root: apt-get install wrk")


def run_load(
    server: RunningServer, bodies: Sequence[bytes], processor: int, *, connections: int, seconds: int
) -> LoadResult:
    """Run one round. Raises FastTrackError if a request fails, because an error may be faster than a prediction."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "requests.lua")
        script.write_text(_SCRIPT)
        for number, body in enumerate(bodies, 1):
            Path(folder, f"{number}.json").write_bytes(body)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script)]
        before = server.cpu_seconds()
        with pin_to_processor(processor):
            process = subprocess.run(
                [*command, server.url, "--", folder, str(len(bodies))],
                capture_output=True,
                text=True,
                timeout=seconds + 120,
            )
        cpu_seconds = server.cpu_seconds() - before
    lines = [line for line in process.stdout.splitlines() if line.startswith("{")]
    if process.returncode or not lines:
        output = (process.stdout + process.stderr).strip()[-1000:]
        raise FastTrackError(f"wrk failed on {server.contender.name}: {output}")
    summary = json.loads(lines[-1])
    if summary["failed"] or not summary["requests"]:
        raise FastTrackError(
            f"{server.contender.name}: of {summary['requests'] + summary['failed']:,} requests {summary['failed']:,} "
            f"failed with {connections} connections in {seconds} s"
        )
    return LoadResult(
        requests_per_second=summary["requests"] / summary["duration_us"] * 1e6,
        p50_s=summary["p50_us"] / 1e6,
        p99_s=summary["p99_us"] / 1e6,
        cpu_s=cpu_seconds / summary["requests"],
    )
