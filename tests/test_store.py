"""Versions and the champion's pointer: by one process, by many at once, and by one that is killed."""

from __future__ import annotations

import itertools
import json
import os
import pwd
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fasttrack.bundle import Bundle
from fasttrack.errors import BundleError, FastTrackError, StoreError
from fasttrack.store import Store
from tests.bundles import line, writer
from tests.store_worker import write_words

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "model")


def add(store: Store, slope: float, name: str = "line") -> str:
    created = f"2024-01-01T00:00:{int(slope):02d}.000+00:00"
    return store.add(name, writer(line(slope), name, created=created)).manifest.version


def said(do: Callable[[], object], kind: type[FastTrackError] = StoreError) -> str:
    with pytest.raises(kind) as caught:
        do()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- one process


def test_a_store_that_is_not_there_is_empty_and_stays_so(store: Store) -> None:
    assert store.names() == []
    assert store.versions("line") == []
    assert store.champion("line") is None
    assert store.latest() is None
    assert said(lambda: store.open("line")) == (
        f"store {store.root} has no model 'line'; it is empty; train a model first: fasttrack train"
    )
    assert said(lambda: store.rollback("line")).startswith(f"store {store.root} has no model 'line'")
    assert not store.root.exists()


def test_a_version_is_a_folder_that_others_may_read(store: Store) -> None:
    version = add(store, 1)
    home = store.root / "line"
    assert sorted(path.name for path in home.iterdir()) == [version]
    assert sorted(path.name for path in (home / version).iterdir()) == ["manifest.json", "model.joblib"]
    assert (home / version).stat().st_mode & 0o755 == 0o755
    assert store.names() == ["line"]
    assert store.champion("line") is None


def test_versions_are_listed_from_the_oldest(store: Store) -> None:
    slopes = [3, 1, 2]
    added = {slope: add(store, slope) for slope in slopes}
    assert [manifest.version for manifest in store.versions("line")] == [added[1], added[2], added[3]]


def test_a_version_is_opened_by_name_by_alias_or_by_its_beginning(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    store.promote("line", first)
    for spec in ("line", "line@", "line@champion", f"line@{first}", f"line@{first[:6]}"):
        assert store.resolve(spec) == ("line", first)
        assert store.open(spec).manifest.version == first
    assert store.resolve(f"line@{second}") == ("line", second)


def test_what_is_not_there_is_answered_with_what_is(store: Store) -> None:
    version = add(store, 1)
    add(store, 1, "other")
    assert said(lambda: store.resolve("lime")) == f"store {store.root} has no model 'lime'; it has line, other"
    assert said(lambda: store.resolve("line@zzz")) == f"'zzz' is no version of line; there are {version}"
    assert said(lambda: store.resolve("line")) == (
        "line has no champion yet; choose one: fasttrack models promote line@VERSION"
    )
    assert said(lambda: store.promote("line", "zzz")) == (
        f"line has no version 'zzz' in {store.root}; see fasttrack models list"
    )
    assert said(lambda: store.promote("lime", version)).startswith("lime has no version")
    assert said(lambda: store.promote_if("line", "zzz", champion=None)).startswith("line has no version 'zzz'")
    assert store.champion("line") is None


def test_a_beginning_that_fits_several_versions_is_refused(store: Store) -> None:
    found: dict[str, list[str]] = {}
    for slope in range(20):  # more versions than first digits, so that two share one
        version = add(store, slope)
        found.setdefault(version[0], []).append(version)
    digit, several = next((digit, versions) for digit, versions in found.items() if len(versions) > 1)
    assert said(lambda: store.resolve(f"line@{digit}")) == (
        f"'{digit}' is short for {len(several)} versions of line; there are {', '.join(sorted(several))}"
    )


def test_the_same_content_is_stored_once(store: Store) -> None:
    first = store.add("line", writer(line(1)))
    again = store.add("line", writer(line(1), created="2030-01-01", git_commit="abc"))
    assert again.manifest.version == first.manifest.version
    assert again.folder == first.folder
    assert store.open(f"line@{again.manifest.version}").manifest.created == first.manifest.created
    assert [path.name for path in (store.root / "line").iterdir()] == [first.manifest.version]


def test_the_same_content_mends_a_damaged_version(store: Store) -> None:
    version = add(store, 1)
    (store.root / "line" / version / "model.joblib").write_bytes(b"damaged")
    assert "was changed after it was written" in said(lambda: store.open(f"line@{version}"), BundleError)
    add(store, 1)
    assert store.open(f"line@{version}").load_pipeline()
    add(store, 2)
    assert not list((store.root / "line").glob(".*"))


def test_a_version_under_another_versions_name_is_refused(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    home = store.root / "line"
    (home / first).rename(home / "away")
    (home / second).rename(home / first)
    expected = f"{home / first} holds version {second}, not its own; restore it from a copy, or train again"
    assert said(lambda: store.open(f"line@{first}"), BundleError) == expected
    (home / "away").rename(home / second)
    assert said(lambda: store.versions("line"), BundleError)


def test_promotions_are_a_chain_that_rollback_walks_back(store: Store) -> None:
    first, second, third = (add(store, slope) for slope in (1, 2, 3))
    for version in (first, second, second, third):
        store.promote("line", version)
    assert [step.version for step in store.history("line")] == [first, second, third]
    assert store.rollback("line") == (third, second)
    assert store.champion("line") == second
    store.promote("line", third)
    assert store.rollback("line") == (third, second)
    assert store.rollback("line") == (second, first)
    assert said(lambda: store.rollback("line")) == (
        "line has no earlier champion to go back to; see fasttrack models list"
    )
    assert store.champion("line") == first


def test_promoting_only_if_the_champion_is_still_the_expected_one(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    assert not store.promote_if("line", first, champion=second)
    assert store.promote_if("line", first, champion=None)
    assert not store.promote_if("line", second, champion=None)
    assert store.promote_if("line", second, champion=first)
    assert store.champion("line") == second


def test_the_model_promoted_last_is_the_latest(store: Store) -> None:
    a, b = add(store, 1, "a"), add(store, 1, "b")
    assert store.latest() is None
    store.promote("b", b)
    store.promote("a", a)
    assert store.latest() == "a"


def test_a_champion_promoted_again_is_the_latest_and_stays_one_step(store: Store) -> None:
    first = add(store, 1)
    store.promote("line", first)
    other = store.add("other", writer(line(2), "other")).manifest.version
    store.promote("other", other)
    assert store.latest() == "other"
    store.promote("line", first)
    assert store.latest() == "line"
    assert [step.version for step in store.history("line")] == [first]


def test_pointers_that_lead_nowhere_are_found(store: Store) -> None:
    version = add(store, 1)
    store.promote("line", version)
    assert list(store.check_champions()) == []
    (store.root / "line" / version / "manifest.json").unlink()
    assert [str(error) for error in store.check_champions()] == [
        f"line's champion {version} is gone from {store.root}; promote another version"
    ]
    (store.root / "line" / "champion.json").write_bytes(b"{")
    (error,) = store.check_champions()
    assert "champion.json cannot be read" in str(error)


def test_damaged_versions_do_not_hide_the_others(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    (store.root / "line" / first / "manifest.json").write_text("{}")
    found, damaged = store.readable_versions("line")
    assert [manifest.version for manifest in found] == [second]
    assert len(damaged) == 1
    assert str(store.root / "line" / first) in str(damaged[0])


def test_a_pointer_changes_its_state_when_it_moves(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    states = [store.pointer_state("line")]
    for version in (first, second):
        store.promote("line", version)
        states.append(store.pointer_state("line"))
    assert states[0] is None
    assert len(set(states)) == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'[{"version":1}]', b"[" * 100_000])
def test_a_damaged_pointer_is_named_and_mended_by_promoting(store: Store, content: bytes) -> None:
    version = add(store, 1)
    store.promote("line", version)
    path = store.root / "line" / "champion.json"
    path.write_bytes(content)
    for ask in (
        lambda: store.champion("line"),
        lambda: store.open("line"),
        lambda: store.rollback("line"),
        store.latest,
    ):
        message = said(ask)
        assert message.startswith(f"{path} cannot be read: ")
        assert message.endswith("; promote a version to write it anew")
    assert store.open(f"line@{version}").manifest.version == version
    store.promote("line", version)
    assert store.champion("line") == version


def test_a_champion_that_is_gone_is_named(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    store.promote("line", first)
    store.promote("line", second)
    (store.root / "line" / first).rename(store.root / "away")
    assert said(lambda: store.rollback("line")) == (
        f"line's earlier champion {first} is gone from {store.root}; promote another version"
    )
    store.promote("line", second)
    (store.root / "line" / second).rename(store.root / "away2")
    add(store, 3)
    assert said(lambda: store.open("line")) == (
        f"line's champion {second} is gone from {store.root}; promote another version"
    )


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "ü", "a@b", "a\n", "x\0"])
def test_a_name_that_is_no_file_name_is_refused(store: Store, name: str) -> None:
    message = f"{name!r} cannot name a model; use letters, digits, dot, dash and underscore"
    assert said(lambda: store.check_writable(name)) == message
    assert said(lambda: store.add(name, writer(line(1)))) == message
    assert not store.root.exists()


def test_a_writer_that_fails_leaves_nothing(store: Store) -> None:
    def fail(folder: Path) -> Bundle:
        (folder / "model.joblib").write_bytes(b"half")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        store.add("line", fail)
    assert store.names() == []
    assert list((store.root / "line").iterdir()) == []


def test_a_full_disk_is_said_in_words(store: Store) -> None:
    def fail(folder: Path) -> Bundle:
        raise OSError(28, "No space left on device")

    assert said(lambda: store.add("line", fail)) == (
        f"store {store.root} cannot be written: No space left on device; choose another with --store"
    )


def test_a_store_where_a_file_is_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "model"):
        message = said(lambda root=root: Store(root).check_writable("line"))  # type: ignore[misc]  # bound here
        assert message.startswith(f"store {root} cannot be written: ")
        assert Store(root).names() == []


def test_a_store_that_may_not_be_written_is_read_all_the_same(store: Store, tmp_path: Path) -> None:
    """Runs as another user when the tests run as root, whom no permission stops."""
    version = add(store, 1)
    store.promote("line", version)
    add(store, 2)
    everything = [store.root, *store.root.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    program = """
import sys
from pathlib import Path
from fasttrack.errors import StoreError
from fasttrack.store import Store

store = Store(sys.argv[1])
print(store.open("line").manifest.version)
for do in (
    lambda: store.check_writable("line"),
    lambda: store.add("line", None),
    lambda: store.promote("line", store.versions("line")[1].version),
    lambda: store.rollback("line"),
):
    try:
        do()
    except StoreError as error:
        print(error)
"""
    try:
        message = f"store {store.root} cannot be written: Permission denied; choose another with --store\n"
        assert as_nobody(tmp_path, program, str(store.root)) == f"{version}\n" + 4 * message
    finally:
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)


def as_nobody(folder: Path, program: str, *arguments: str) -> str:
    """What `program` prints when it runs without root's rights."""
    command = [sys.executable, "-c", program, *arguments]
    if os.geteuid() != 0:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (folder, *folder.parents):
        if path != Path("/tmp") and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    drop = f"import os; os.setgid({nobody}); os.setuid({nobody})\n"
    imported = "import fasttrack.store\n"  # while the interpreter may still read its own files
    command[2] = imported + drop + program
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- many processes


def start(work: str, root: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store_worker", work, str(root), *arguments]
    here = Path(__file__).parent.parent
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here)


def test_eight_processes_at_once_lose_nothing_and_readers_see_whole_versions_only(store: Store, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    reader = start("read", store.root, str(stop))
    writers = [start("add", store.root, str(i)) for i in range(8)]
    versions = set()
    for process in writers:
        printed, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        versions.update(printed.split())
    stop.touch()
    reads, errors = reader.communicate(timeout=60)
    assert reader.returncode == 0, errors
    assert int(reads) > 0
    assert len(versions) == 8 * 2 + 1
    assert {manifest.version for manifest in store.versions("m")} == versions
    for version in versions:
        assert store.open(f"m@{version}").load_pipeline()
    history = [step.version for step in store.history("m")]
    assert set(history) == versions
    assert all(one != two for one, two in itertools.pairwise(history))
    assert store.champion("m") == history[-1]
    assert not list((store.root / "m").glob(".*"))


def test_threads_that_race_to_promote_first_have_one_winner(store: Store) -> None:
    versions = [add(store, slope) for slope in range(4)]
    won: list[str] = []
    gate = threading.Barrier(4)

    def race(version: str) -> None:
        gate.wait()
        if store.promote_if("line", version, champion=None):
            won.append(version)

    threads = [threading.Thread(target=race, args=[version]) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.champion("line") == won[0]


# --- a process that is killed


def test_a_process_killed_at_any_moment_leaves_a_store_that_serves(store: Store) -> None:
    seed = 20240501
    moments = random.Random(seed)
    store.promote("m", store.add("m", write_words("before")).manifest.version)
    leftovers = 0
    for _ in range(20):
        process = start("add without end", store.root)
        assert process.stdout is not None
        process.stdout.readline()  # it is at work
        time.sleep(moments.uniform(0, 0.06))  # not a wait for a state: any moment will do
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        leftovers += len(list((store.root / "m").glob(".staging-*")))
        assert store.open("m").load_pipeline(), f"seed {seed}"
        for manifest in store.versions("m"):
            assert store.open(f"m@{manifest.version}").load_pipeline(), f"seed {seed}"
    assert leftovers, "no kill hit a writer in the middle"
    store.add("m", write_words("after"))
    assert not list((store.root / "m").glob(".*"))


def test_a_writer_at_work_is_not_swept_away_by_another(store: Store) -> None:
    inside, go_on = threading.Event(), threading.Event()
    versions: list[str] = []

    def slowly(folder: Path) -> Bundle:
        inside.set()
        assert go_on.wait(30)
        return writer(line(1))(folder)

    thread = threading.Thread(target=lambda: versions.append(store.add("line", slowly).manifest.version))
    thread.start()
    assert inside.wait(30)
    other = add(store, 2)
    go_on.set()
    thread.join()
    assert {manifest.version for manifest in store.versions("line")} == {other, *versions}
    assert len(versions) == 1


def test_a_pointer_is_json_that_people_can_read(store: Store) -> None:
    version = add(store, 1)
    store.promote("line", version)
    (step,) = json.loads((store.root / "line" / "champion.json").read_text())
    assert step["version"] == version
    assert step["promoted"].endswith("+00:00")
