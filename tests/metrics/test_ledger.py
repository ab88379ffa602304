"""Numbers counted by several processes: none is lost when a process is killed."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest

from fasttrack.metrics.exposition import Exposition, Family
from fasttrack.metrics.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
    assert [dict(process.numbers) for process in ledger.by_process()] == [{KEY: 2.0}]
    assert not list(tmp_path.iterdir())


def test_the_same_keys_are_the_same_numbers_and_there_may_be_many(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for i in range(20_000):
        ledger.block([("seen_total", str(i))])[0] += i
    ledger.block([("seen_total", "19999")])[0] += 1
    large = ledger.block([("seen_total", f"block {i}") for i in range(30_000)])
    large[29_999] = 5
    found = Ledger(tmp_path).by_process()[1:]
    numbers = {key: value for process in found for key, value in process.numbers.items()}
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


def both(work: Callable[[int], object]) -> None:
    """Run two threads that start together and switch as often as possible."""
    barrier = threading.Barrier(2)

    def begin(number: int) -> None:
        barrier.wait()
        work(number)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def hasty() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def test_series_that_are_opened_by_two_threads_are_apart(tmp_path: Path) -> None:
    with hasty():
        for trial in range(50):
            folder = tmp_path / str(trial)
            folder.mkdir()
            ledger = Ledger(folder)
            both(lambda number, ledger=ledger: [ledger.block([(f"{number}", f"{i}")]) for i in range(4)])  # type: ignore[misc]
            for number in range(2):
                for i in range(4):
                    ledger.block([(f"{number}", f"{i}")])[0] = 1 + 10 * number + i
            wanted = {(f"{number}", f"{i}"): 1.0 + 10 * number + i for number in range(2) for i in range(4)}
            assert ledger.by_process()[0].numbers == wanted
            assert Ledger(folder).by_process()[1].numbers == wanted


def test_two_scrapes_at_once_see_the_same(tmp_path: Path) -> None:
    with hasty():
        for trial in range(50):
            folder = tmp_path / str(trial)
            folder.mkdir()
            other, ledger = Ledger(folder), Ledger(folder)
            for name in ("a", "b"):
                other.block([(name, str(number)) for number in range(60)])[:] = memoryview(bytearray(480)).cast("d")
                both(lambda number, ledger=ledger: ledger.by_process())  # type: ignore[misc]
                assert len(ledger.by_process()[1].numbers) == 60 if name == "a" else 120


def test_a_full_disk_costs_no_count_and_no_process(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.block([("before",)])[0] = 1
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5, hard))  # a limit on the size of files has the effect of a full disk
    try:
        ledger.block([("after",)])[0] = 2
        late = Ledger(tmp_path)
        late.block([("late",)])[0] = 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    ledger.block([("again",)])[0] = 4
    assert ledger.by_process()[0].numbers == {("before",): 1, ("after",): 2, ("again",): 4}
    assert late.by_process()[0].numbers == {("late",): 3}
    assert [one.numbers for one in Ledger(tmp_path).by_process()[1:]] == [{("before",): 1}]
