"""What holds for a store in a bucket: half-made transfers stay out of sight and are gone on with, damage is noticed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fasttrack.bundle import Bundle, write_bundle
from fasttrack.errors import BundleError, StoreUnreachable
from fasttrack.store import CHAMPION, LocalStore, Store, audit_record, copy_version, ignore, open_store
from fasttrack.store.bucket import Bucket
from fasttrack.store.upload import upload
from tests.bundles import line, manifest, writer
from tests.store.places import Objects, add, error_text
from tests.store.relay import Relay
from tests.store.test_race import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.object_store import ObjectStore

MB = 1_000_000
LARGE = 18 * MB
SMALL = MB


def heavy(seed: int) -> Callable[[Path], Bundle]:
    """A writer of a bundle with one file of three parts, and four small ones."""
    dice = random.Random(seed)
    others = {"large": dice.randbytes(LARGE), **{f"small-{i}": dice.randbytes(SMALL) for i in range(4)}}
    return lambda folder: write_bundle(folder, manifest("m"), f"seed {seed}", others=others)


@pytest.fixture
def store(objects: Objects) -> Store:
    return open_store(objects.location)


@pytest.fixture
def relay(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """A way to the server that counts; clients that are made from now on take it."""
    relay = Relay(s3.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", relay.endpoint)
    yield relay
    relay.cut()


def kill_while_copying(source: str, spec: str, to: str, cache: Path, steps: int, after_s: float) -> None:
    """Start a process that copies, and kill it when it told of so many steps, or a moment later."""
    process = start("copy", source, spec, to, cache=cache)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    for _ in range(steps):
        assert process.stdout.readline()
    time.sleep(after_s)  # not a wait for a state: any moment will do
    assert process.poll() is None, "it was done before it was killed"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


# --- what a killed process leaves


def test_uploads_that_are_killed_are_invisible_and_gone_on_with(objects: Objects, relay: Relay, tmp_path: Path) -> None:
    local = LocalStore(tmp_path / "model")
    bundle = local.add("m", heavy(1))
    store = open_store(objects.location)
    relay.rate = 8 * MB  # on each connection: a part of the large file takes a second
    dice = random.Random(20240502)
    # a step is a small file, or a part of the large one that is on its way
    for steps in (0, dice.randint(1, 3), dice.randint(2, 5), dice.randint(4, 6)):
        kill_while_copying(
            str(local.folder), bundle.label, objects.location, tmp_path / "other", steps, dice.uniform(0, 0.05)
        )
        assert store.names() == store.identifiers("m") == []
        assert error_text(lambda: store.open("m")).startswith(f"store {store.location} has no model 'm'")
    relay.drain()  # a part that is still on its way would be counted as saved, or not, by chance
    there = [name for name in objects.files() if name.startswith("m/")]
    assert there
    assert f"m/{bundle.manifest.version}/manifest.json" not in there
    before = relay.sent
    progress: list[tuple[int, int]] = []
    copy_version(local, bundle.label, store, lambda done, total: progress.append((done, total)))
    whole = sum(pinned.size for pinned in bundle.manifest.files.values())
    assert progress[-1] == (whole, whole)
    saved = sum(SMALL for name in there if "small" in name) + LARGE * any("large" in name for name in there)
    assert whole - saved < relay.sent - before < whole - saved + MB
    assert store.verify("m", bundle.manifest.version) == bundle.manifest
    before = relay.sent
    copy_version(local, bundle.label, store)
    assert relay.sent - before < 20_000, "what is there already was sent again"


def test_downloads_that_are_killed_are_invisible_and_gone_on_with(
    objects: Objects, relay: Relay, tmp_path: Path
) -> None:
    store = open_store(objects.location)
    bundle = store.add("m", heavy(2))
    store.point("m", bundle.manifest.version)
    relay.rate = 12 * MB
    cache, target = tmp_path / "other", LocalStore(tmp_path / "model")
    dice = random.Random(20240503)
    # a step is a file that is begun with, or a part of one that has come
    for steps in (0, dice.randint(3, 6), 7, 7):
        kill_while_copying(objects.location, "m", str(target.folder), cache, steps, dice.uniform(0, 0.02))
        assert target.names() == []
        assert not list(cache.glob("*/m/[!.]*"))
    here = sum(path.stat().st_size for path in cache.glob("*/m/.partial-*/*"))
    assert here > SMALL
    relay.drain()
    before = relay.received
    progress: list[int] = []
    copy_version(open_store(objects.location, cache=cache), "m", target, lambda done, total: progress.append(done))
    whole = sum(pinned.size for pinned in bundle.manifest.files.values())
    assert progress[-1] == whole
    assert whole - here < relay.received - before < whole - here + MB
    assert target.open(bundle.label).load_pipeline() == "seed 2"
    assert not list(cache.glob("*/m/.*"))


def test_what_lay_there_of_a_download_and_is_wrong_is_fetched_anew(objects: Objects, store: Store) -> None:
    version = store.add("m", heavy(3)).manifest.version
    home = store.folder / "m"
    (home / version).rename(home / f".partial-{version}")
    for name, content in (("large", b"x" * MB), ("small-0", b"y" * (SMALL + 1)), ("small-1", b"z" * SMALL)):
        (home / f".partial-{version}" / name).write_bytes(content)
    assert store.open(f"m@{version}").load_pipeline() == "seed 3"


def test_processes_that_want_one_version_fetch_it_once(objects: Objects, relay: Relay, tmp_path: Path) -> None:
    bundle = open_store(objects.location).add("m", heavy(4))
    relay.rate = 20 * MB
    before = relay.received
    copies = [
        start("copy", objects.location, bundle.label, str(tmp_path / f"model-{i}"), cache=tmp_path / "other")
        for i in range(3)
    ]
    for process in copies:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    whole = sum(pinned.size for pinned in bundle.manifest.files.values())
    assert whole < relay.received - before < whole + MB
    for i in range(3):
        assert LocalStore(tmp_path / f"model-{i}").open(bundle.label).load_pipeline() == "seed 4"


def test_abandoned_uploads_are_swept_away_and_recent_ones_are_not(
    objects: Objects, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.write("line/0123456789ab/model.joblib", b"left")
    published = add(store, 1)
    assert "line/0123456789ab/model.joblib" in objects.files()
    monkeypatch.setattr("fasttrack.store.upload._ABANDONED", timedelta(0))  # as if a day had passed
    store.append_audit(audit_record("promote", "line", CHAMPION, None, published, ""))
    time.sleep(1.1)  # the storage's times are whole seconds
    later = add(store, 2)
    assert sorted(store.identifiers("line")) == sorted([published, later])
    assert [name for name in objects.files() if "0123456789ab" in name] == []
    assert [record.to_version for record in store.audit("line")] == [published]


# --- one version with several reports


def test_a_report_that_is_published_stays_whoever_sends_the_version_again(objects: Objects, tmp_path: Path) -> None:
    ours, theirs = (open_store(objects.location, cache=tmp_path / who) for who in ("ours", "theirs"))
    first = ours.add("line", writer(line(1), report="ours"))
    second = theirs.add("line", writer(line(1), report="theirs, beside another champion"))
    assert second.manifest.version == first.manifest.version
    assert second.read("report.html") == b"theirs, beside another champion"
    assert ours.verify("line", first.manifest.version) == first.manifest
    reader = open_store(objects.location, cache=tmp_path / "reader")
    assert reader.open(first.label).read("report.html") == b"ours"
    objects.write(f"line/{first.manifest.version}/report.html", b"damaged")
    objects.write(f"line/{first.manifest.version}/model.joblib", b"damaged")
    theirs.receive(second)  # mends what is the same
    message = error_text(lambda: ours.verify("line", first.manifest.version), BundleError)
    assert "report.html was changed" in message
    ours.receive(first)
    assert ours.verify("line", first.manifest.version) == first.manifest


@pytest.mark.parametrize("moment", ["before", "after"])
def test_uploads_of_one_version_at_once_leave_the_report_that_its_manifest_pins(
    objects: Objects, tmp_path: Path, moment: str
) -> None:
    ours, theirs = (
        LocalStore(tmp_path / who).add("line", writer(line(1), report=f"of {who}")) for who in ("us", "them")
    )

    class Overtaken(Bucket):
        """Another upload is done, from its beginning to its end, before or after the report is sent."""

        def send(self, path: Path, key: str, sha256: str, sent: Callable[[int], None]) -> None:
            if key.endswith("report.html") and moment == "before":
                upload(Bucket(objects.location), theirs, ignore)
            super().send(path, key, sha256, sent)
            if key.endswith("report.html") and moment == "after":
                upload(Bucket(objects.location), theirs, ignore)

    upload(Overtaken(objects.location), ours, ignore)
    store = open_store(objects.location)
    last = ours if moment == "before" else theirs
    assert store.verify("line", ours.manifest.version) == last.manifest
    assert store.open(ours.label).read("report.html") == last.read("report.html")


# --- damage


def test_a_file_that_was_changed_in_the_bucket_is_noticed(objects: Objects, store: Store, tmp_path: Path) -> None:
    version = add(store, 1)
    store.point("line", version)
    path = f"line/{version}/model.joblib"
    content = objects.read(path)
    elsewhere = open_store(objects.location, cache=tmp_path / "other")
    for damaged in (bytes([content[0] ^ 1]) + content[1:], content[:-1], content + b"x", b""):
        objects.write(path, damaged)
        for ask in (lambda: elsewhere.open("line"), lambda: store.verify("line", version)):
            message = error_text(ask, BundleError)
            assert message.startswith(f"{store.location}/{path} was changed after it was written: its SHA-256 is ")
            assert message.endswith("; restore it from a copy, or train again")
        assert not list(elsewhere.folder.glob("line/[!.]*"))
    objects.remove(path)
    assert error_text(lambda: elsewhere.open("line"), BundleError) == (
        f"{store.location}/{path} cannot be read: there is no such object; restore the bundle, or train again"
    )
    assert store.open("line").load_pipeline()  # what was fetched before is still what was published
    objects.write(path, content)
    assert elsewhere.open("line").load_pipeline()


def test_a_damaged_cache_is_fetched_again(objects: Objects, store: Store) -> None:
    version = add(store, 1)
    place = store.folder / "line" / version
    for damage in (
        lambda: (place / "model.joblib").write_bytes(b"damaged"),
        lambda: (place / "model.joblib").unlink(),
        lambda: (place / "manifest.json").write_bytes(b"{}"),
    ):
        damage()
        assert store.open(f"line@{version}").load_pipeline()


def test_the_cache_keeps_the_versions_that_were_used_last(objects: Objects, store: Store, tmp_path: Path) -> None:
    versions = [add(store, slope) for slope in range(8)]
    elsewhere = open_store(objects.location, cache=tmp_path / "other")
    for version in versions:
        elsewhere.open(f"line@{versions[0]}")
        elsewhere.open(f"line@{version}")
    kept = {path.name for path in (elsewhere.folder / "line").iterdir()}
    assert kept == {versions[0], *versions[-5:]}


def test_a_cache_that_cannot_be_written_is_named(objects: Objects, store: Store, tmp_path: Path) -> None:
    version = add(store, 1)
    (tmp_path / "file").write_text("")
    elsewhere = open_store(objects.location, cache=tmp_path / "file")
    assert error_text(lambda: elsewhere.open(f"line@{version}")) == (
        f"the cache {elsewhere.folder} cannot be written: Not a directory; set FASTTRACK_CACHE to a folder that can be"
    )


# --- what the storage refuses


def test_what_the_storage_refuses_is_said_in_one_line_without_a_secret(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(location: str) -> list[str]:
        store = open_store(location)
        return [
            error_text(do)
            for do in (
                lambda: store.resolve("line"),
                lambda: store.check_writable("line"),
                lambda: store.add("line", writer(line(1))),
                store.latest,
            )
        ]

    missing = "s3://no-such-bucket/models"
    assert asked(missing) == [f"store {missing}: there is no such bucket; create it, or correct its name"] * 4
    keys = "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")
    refused = f"store {objects.location}: the keys are refused (SignatureDoesNotMatch){keys}"
    assert asked(objects.location) == [refused] * 4
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody-has-this-key")
    refused = f"store {objects.location}: the keys are refused (InvalidAccessKeyId){keys}"
    assert asked(objects.location) == [refused] * 4


def test_a_bucket_that_may_be_read_only_is_read_and_says_so(objects: Objects, s3: ObjectStore) -> None:
    bucket = s3.new_bucket()
    location = f"s3://{bucket}/models"
    store = open_store(location)
    first, second = add(store, 1), add(store, 2)
    store.point("line", first)
    ours = [f"arn:aws:s3:::{bucket}/*"]
    denied = {"Effect": "Deny", "Principal": "*", "Action": ["s3:PutObject"], "Resource": ours}
    s3.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [denied]}))
    message = f"store {location}: access is denied (AccessDenied); check the keys and their permissions"
    assert error_text(lambda: store.check_writable("line")) == message
    assert error_text(lambda: store.add("line", writer(line(3)))) == message
    assert error_text(lambda: store.point("line", second)) == message
    assert store.open("line").manifest.version == first


def test_a_storage_that_does_not_answer_is_given_up_within_seconds(
    objects: Objects, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay.cut()
    store = open_store(objects.location)
    begun = time.monotonic()
    with pytest.raises(StoreUnreachable) as caught:
        store.open("line")
    assert str(caught.value) == (
        f"store {objects.location} does not answer: {relay.endpoint} refused the connection; "
        "check the network and AWS_ENDPOINT_URL"
    )
    assert time.monotonic() - begun < 10
    relay.mend()
    assert store.names() == []


def test_what_was_trained_is_kept_when_the_storage_goes_away(objects: Objects, relay: Relay) -> None:
    store = open_store(objects.location)

    def write(folder: Path) -> Bundle:
        bundle = writer(line(1))(folder)
        relay.cut()
        return bundle

    message = error_text(lambda: store.add("line", write), StoreUnreachable)
    label = message.split("fasttrack models push ")[1].split()[0]
    assert message.endswith(
        f"; the new version is kept on this machine; to send it: "
        f"fasttrack models push {label} {objects.location} --store {store.folder}"
    )
    relay.mend()
    copy_version(open_store(store.folder), label, store)
    assert store.open(label).load_pipeline()


def test_what_could_not_be_sent_stays_in_the_cache_until_it_is(objects: Objects, relay: Relay, tmp_path: Path) -> None:
    store = open_store(objects.location)
    before = add(store, 1)

    def write(folder: Path) -> Bundle:
        bundle = writer(line(2))(folder)
        relay.cut()
        return bundle

    message = error_text(lambda: store.add("line", write), StoreUnreachable)
    label = message.split("fasttrack models push ")[1].split()[0]
    relay.mend()
    elsewhere = open_store(objects.location, cache=tmp_path / "other")
    others = [add(elsewhere, slope) for slope in range(3, 15)]
    for version in others[:6]:
        open_store(objects.location).open(f"line@{version}")  # as a process that was started anew
    assert before not in LocalStore(store.folder).identifiers("line")
    assert LocalStore(store.folder).open(label).load_pipeline()
    assert error_text(lambda: store.open(label)).startswith(f"line has no version {label.split('@')[1]!r}; ")
    copy_version(open_store(store.folder), label, store)
    for version in others[6:]:
        store.open(f"line@{version}")
    kept = {path.name for path in (store.folder / "line").iterdir()}
    assert kept == set(others[6:]), "what is sent is like any other"


def test_a_training_killed_before_its_version_is_sent_leaves_it_marked(objects: Objects, tmp_path: Path) -> None:
    cache = tmp_path / "killed"
    process = start("die when sending", objects.location, cache=cache)
    version, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors
    elsewhere = open_store(objects.location)
    others = [elsewhere.add("m", writer(line(slope), "m")).manifest.version for slope in range(7)]
    store = open_store(objects.location, cache=cache)
    for other in others:
        store.open(f"m@{other}")
    assert version.strip() in LocalStore(store.folder).identifiers("m")


def test_what_was_opened_last_is_known_while_the_storage_does_not_answer(objects: Objects, relay: Relay) -> None:
    store = open_store(objects.location)
    first, second = add(store, 1), add(store, 2)
    store.point("line", first)
    assert store.last_opened(None) is None
    store.open("line")
    store.open(f"line@{second}")
    relay.cut()
    store = open_store(objects.location)
    for spec, version in (("line", first), (f"line@{second}", second), (None, second)):
        bundle = store.last_opened(spec)
        assert bundle is not None
        assert bundle.manifest.version == version
    assert store.last_opened("other") is None


def test_a_package_that_is_missing_is_named(objects: Objects) -> None:
    program = (
        "import sys; sys.modules['obstore'] = None\n"
        "from fasttrack.errors import StoreError\nfrom fasttrack.store import open_store\n"
        "try:\n    open_store('s3://bucket/models')\nexcept StoreError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == (
        "store s3://bucket/models needs the package obstore, which is not installed here; "
        "pip install 'fasttrack-mlops[objects]'\n"
    )
