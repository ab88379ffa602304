"""What holds for a store in a folder only: its files, its rights, a writer at work beside another."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fasttrack.store import CHAMPION, LocalStore, audit_record, open_store
from tests.bundles import line, writer
from tests.store.places import add, error_text

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "model")


def test_the_damaged_version_that_was_mended_is_swept_away(store: LocalStore) -> None:
    version = add(store, 1)
    (store.folder / "line" / version / "model.joblib").write_bytes(b"damaged")
    add(store, 1)
    assert store.open(f"line@{version}").load_pipeline()
    add(store, 2)
    assert not list((store.folder / "line").glob(".*"))


def test_a_version_is_a_folder_that_others_may_read(store: LocalStore) -> None:
    version = add(store, 1)
    home = store.folder / "line"
    assert sorted(path.name for path in home.iterdir()) == [version]
    assert sorted(path.name for path in (home / version).iterdir()) == ["manifest.json", "model.joblib"]
    assert (home / version).stat().st_mode & 0o755 == 0o755
    assert store.names() == ["line"]
    assert store.champion("line") is None


def test_a_full_disk_is_said_in_words(store: LocalStore) -> None:
    def fail(folder: Path) -> Bundle:
        raise OSError(28, "No space left on device")

    assert error_text(lambda: store.add("line", fail)) == (
        f"store {store.folder} cannot be written: No space left on device; choose another with --store"
    )


def test_a_store_where_a_file_is_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "model"):
        message = error_text(lambda root=root: open_store(root).check_writable("line"))  # type: ignore[misc]  # bound here
        assert message.startswith(f"store {root} cannot be written: ")
        assert open_store(root).names() == []


def test_a_store_that_may_not_be_written_is_read_all_the_same(store: LocalStore, tmp_path: Path) -> None:
    """Runs as another user when the tests run as root, whom no permission stops."""
    version = add(store, 1)
    store.point("line", version)
    add(store, 2)
    everything = [store.folder, *store.folder.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    program = """
import sys
from pathlib import Path
from fasttrack.errors import StoreError
from fasttrack.store import audit_record, open_store

store = open_store(sys.argv[1])
print(store.open("line").manifest.version)
for do in (
    lambda: store.check_writable("line"),
    lambda: store.add("line", None),
    lambda: store.point("line", store.versions("line")[1].version),
    lambda: store.point_back("line", expected="any"),
    lambda: store.append_audit(audit_record("promote", "line", "champion", None, "any", "")),
):
    try:
        do()
    except StoreError as error:
        print(error)
"""
    try:
        message = f"store {store.folder} cannot be written: Permission denied; choose another with --store\n"
        assert as_nobody(tmp_path, program, str(store.folder)) == f"{version}\n" + 5 * message
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


def test_a_writer_at_work_is_not_swept_away_by_another(store: LocalStore) -> None:
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


def test_an_audit_record_begins_a_new_line_after_a_writer_that_was_killed(store: LocalStore) -> None:
    add(store, 1)
    store.append_audit(audit_record("promote", "line", CHAMPION, None, "one", ""))
    path = store.folder / "line" / "audit.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"time":')
    store.append_audit(audit_record("promote", "line", CHAMPION, "one", "two", ""))
    message = error_text(lambda: store.audit("line"))
    assert message.startswith(f"{path} line 2 cannot be read: ")
    assert message.endswith("; restore the audit log from a copy")
    path.write_bytes(whole + path.read_bytes().splitlines(keepends=True)[2])
    assert [record.to_version for record in store.audit("line")] == ["one", "two"]
