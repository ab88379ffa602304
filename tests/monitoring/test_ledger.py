"""Numbers counted by several processes: none is lost, whoever dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest

from fasttrack.monitoring.exposition import Exposition, Family
from fasttrack.monitoring.ledger import Ledger

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

KEY = ("seen_total", 'a "b"\n')
FAMILIES = (
    Family("seen_total", "counter", "Seen.", ("what",)),
    Family("open", "gauge", "Open."),
    Family("version", "gauge", "1 for what serves.", ("version",), merge="max"),
    Family("took_seconds", "histogram", "Time.", ("what",)),
)


def count_and_wait(folder: Path, number: int, told: Connection) -> None:
    ledger = Ledger(folder)
    numbers = ledger.block([KEY, ("open",)])
    for _ in range(number):
        numbers[0] += 1
    numbers[1] = 3
    ledger.block([("version", "2")])[0] = 1
    told.send("counted")
    told.recv()


def series(ledger: Ledger) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(Exposition(ledger, FAMILIES))
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_a_killed_process_leaves_its_counts_and_takes_its_gauges(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    other = spawn.Process(target=count_and_wait, args=(tmp_path, 1000, theirs))
    other.start()
    assert ours.poll(60)
    ledger = Ledger(tmp_path)
    numbers = ledger.block([KEY, ("open",)])
    numbers[0] += 7
    numbers[1] = 1
    ledger.block([("version", "2")])[0] = 1
    label = 'seen_total{what="a \\"b\\"\\n"}'
    assert series(ledger) == {label: 1007, "open": 4, 'version{version="2"}': 1}
    os.kill(other.pid or 0, signal.SIGKILL)
    other.join(30)
    assert series(ledger) == {label: 1007, "open": 1, 'version{version="2"}': 1}


def test_a_process_that_serves_alone_writes_no_file(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.block([KEY])[0] += 2
    assert [dict(account.numbers) for account in ledger.accounts()] == [{KEY: 2.0}]
    assert not list(tmp_path.iterdir())


def test_the_same_keys_are_the_same_numbers_and_there_may_be_many(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for i in range(20_000):
        ledger.block([("seen_total", str(i))])[0] += i
    ledger.block([("seen_total", "19999")])[0] += 1
    large = ledger.block([("seen_total", f"block {i}") for i in range(30_000)])
    large[29_999] = 5
    found = Ledger(tmp_path).accounts()[1:]
    numbers = {key: value for account in found for key, value in account.numbers.items()}
    assert numbers["seen_total", "19999"] == 20_000
    assert numbers["seen_total", "12345"] == 12_345
    assert numbers["seen_total", "block 29999"] == 5
    assert len(numbers) == 50_000


def test_a_histogram_is_cumulated_in_the_order_of_its_bounds() -> None:
    ledger = Ledger()
    keys = [("took_seconds_bucket", "x", bound) for bound in ("0.1", "10.0", "+Inf", "2.0")]
    for place, count in enumerate((1, 2, 3, 4)):
        ledger.block(keys)[place] = count
    ledger.block([("took_seconds_sum", "x")])[0] = 40.5
    assert series(ledger) == {
        'took_seconds_bucket{le="0.1",what="x"}': 1,
        'took_seconds_bucket{le="2.0",what="x"}': 5,
        'took_seconds_bucket{le="10.0",what="x"}': 7,
        'took_seconds_bucket{le="+Inf",what="x"}': 10,
        'took_seconds_count{what="x"}': 10,
        'took_seconds_sum{what="x"}': 40.5,
    }
