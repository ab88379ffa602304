"""Versions and the champion's pointer: the same in a folder and in a bucket."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from fasttrack.errors import BundleError
from fasttrack.store import CHALLENGER, CHAMPION, audit_record
from tests.bundles import line, writer
from tests.store.places import add, error_text, step_back

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.bundle import Bundle
    from fasttrack.store import Store
    from tests.store.places import Place


def test_a_store_that_is_not_there_is_empty_and_stays_so(store: Store, place: Place) -> None:
    assert store.names() == []
    assert store.versions("line") == []
    assert store.champion("line") is None
    assert store.latest() is None
    assert error_text(lambda: store.open("line")) == (
        f"store {store.location} has no model 'line'; it is empty; train a model first: fasttrack train"
    )
    assert error_text(lambda: store.previous("line")).startswith(f"store {store.location} has no model 'line'")
    assert place.files() == []


def test_versions_are_listed_from_the_oldest(store: Store) -> None:
    slopes = [3, 1, 2]
    added = {slope: add(store, slope) for slope in slopes}
    assert [manifest.version for manifest in store.versions("line")] == [added[1], added[2], added[3]]


def test_a_version_is_opened_by_name_by_alias_or_by_its_beginning(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    store.point("line", first)
    for spec in ("line", "line@", "line@champion", f"line@{first}", f"line@{first[:6]}"):
        assert store.resolve(spec) == ("line", first)
        assert store.open(spec).manifest.version == first
    assert store.resolve(f"line@{second}") == ("line", second)


def test_what_is_not_there_is_answered_with_what_is(store: Store) -> None:
    version = add(store, 1)
    add(store, 1, "other")
    assert (
        error_text(lambda: store.resolve("lime")) == f"store {store.location} has no model 'lime'; did you mean line?"
    )
    assert error_text(lambda: store.resolve("x")).endswith(" has no model 'x'; it has 'line', 'other'")
    assert (
        error_text(lambda: store.resolve("line@champoin")) == "line has no version 'champoin'; did you mean champion?"
    )
    assert error_text(lambda: store.resolve("line@zzz")) == f"line has no version 'zzz'; available: {version}"
    assert error_text(lambda: store.resolve("line")) == (
        "line has no champion yet; choose one: fasttrack models promote line@VERSION"
    )
    assert error_text(lambda: store.point("line", "zzz")) == (
        f"line has no version 'zzz' in {store.location}; see fasttrack models list"
    )
    assert error_text(lambda: store.point("lime", version)).startswith("lime has no version")
    assert error_text(lambda: store.point_if("line", "zzz", expected=None)).startswith("line has no version 'zzz'")
    assert store.champion("line") is None


def test_a_beginning_that_fits_several_versions_is_refused(store: Store) -> None:
    by_digit: dict[str, list[str]] = {}
    for slope in range(20):  # more versions than first digits, so that two share one
        version = add(store, slope)
        by_digit.setdefault(version[0], []).append(version)
    digit, several = next((digit, versions) for digit, versions in by_digit.items() if len(versions) > 1)
    assert error_text(lambda: store.resolve(f"line@{digit}")) == (
        f"'{digit}' begins {len(several)} versions of line: {', '.join(sorted(several))}; write more of it"
    )


def test_the_same_content_is_stored_once(store: Store, place: Place) -> None:
    first = store.add("line", writer(line(1)))
    again = store.add("line", writer(line(1), created="2030-01-01", git_commit="abc"))
    assert again.manifest.version == first.manifest.version
    assert store.open(f"line@{again.manifest.version}").manifest.created == first.manifest.created
    assert place.files() == [f"line/{first.manifest.version}/{name}" for name in ("manifest.json", "model.joblib")]


def test_what_is_added_again_with_another_report_is_what_was_there(store: Store) -> None:
    first = store.add("line", writer(line(1), report="the first"))
    again = store.add("line", writer(line(1), report="beside another champion"))
    assert again.manifest == first.manifest
    assert again.read("report.html") == b"the first"
    assert store.verify("line", first.manifest.version) == first.manifest


def test_the_same_content_mends_a_damaged_version(store: Store, place: Place) -> None:
    version = add(store, 1)
    place.write(f"line/{version}/model.joblib", b"damaged")
    assert "was changed after it was written" in error_text(lambda: store.verify("line", version), BundleError)
    add(store, 1)
    assert store.verify("line", version).version == version
    content = place.read(f"line/{version}/model.joblib")
    place.write(f"line/{version}/model.joblib", content[:-1] + bytes([content[-1] ^ 1]))
    add(store, 1)
    assert store.verify("line", version).version == version
    place.write(f"line/{version}/manifest.json", b"damaged")
    assert "manifest.json is damaged" in error_text(lambda: store.verify("line", version), BundleError)
    add(store, 1)
    assert store.verify("line", version).version == version
    add(store, 2)
    assert len(place.files()) == 4


def test_a_version_under_another_versions_name_is_refused(store: Store, place: Place) -> None:
    first, second = add(store, 1), add(store, 2)
    place.move(f"line/{first}", "line/away")
    place.move(f"line/{second}", f"line/{first}")
    where = f"{store.location}/line"
    expected = f"{where}/{first} holds version {second}, not {first}; restore it from a copy, or train again"
    assert error_text(lambda: store.verify("line", first), BundleError) == expected
    assert error_text(lambda: store.manifest("line", first), BundleError) == expected
    place.move("line/away", f"line/{second}")
    assert error_text(lambda: store.versions("line"), BundleError)


def test_promotions_are_a_chain_that_rollback_walks_back(store: Store) -> None:
    first, second, third = (add(store, slope) for slope in (1, 2, 3))
    for version in (first, second, second, third):
        store.point("line", version)
    assert [step.version for step in store.history("line")] == [first, second, third]
    assert step_back(store) == (third, second)
    assert store.champion("line") == second
    store.point("line", third)
    assert step_back(store) == (third, second)
    assert step_back(store) == (second, first)
    assert error_text(lambda: store.previous("line")) == (
        "line has no earlier champion to go back to; see fasttrack models list"
    )
    assert store.champion("line") == first


def test_promoting_only_if_the_champion_is_still_the_expected_one(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    assert not store.point_if("line", first, expected=second)
    assert store.point_if("line", first, expected=None)
    assert not store.point_if("line", second, expected=None)
    assert store.point_if("line", second, expected=first)
    assert store.champion("line") == second


def test_the_model_promoted_last_is_the_latest(store: Store) -> None:
    a, b = add(store, 1, "a"), add(store, 1, "b")
    assert store.latest() is None
    store.point("b", b)
    store.point("a", a)
    assert store.latest() == "a"


def test_a_champion_promoted_again_is_the_latest_and_stays_one_step(store: Store) -> None:
    first = add(store, 1)
    store.point("line", first)
    other = store.add("other", writer(line(2), "other")).manifest.version
    store.point("other", other)
    assert store.latest() == "other"
    store.point("line", first)
    assert store.latest() == "line"
    assert [step.version for step in store.history("line")] == [first]


def test_pointers_that_lead_nowhere_are_found(store: Store, place: Place) -> None:
    version = add(store, 1)
    store.point("line", version)
    assert list(store.check_aliases()) == []
    place.move(f"line/{version}/manifest.json", "manifest.json")
    assert [str(error) for error in store.check_aliases()] == [
        f"line's champion {version} is gone from {store.location}; promote another version"
    ]
    place.write("line/champion.json", b"{")
    (error,) = store.check_aliases()
    assert "champion.json cannot be read" in str(error)


def test_the_challenger_is_an_alias_like_the_champion(store: Store, place: Place) -> None:
    first, second = add(store, 1), add(store, 2)
    assert store.point("line", first) is None
    assert error_text(lambda: store.open("line@challenger")) == (
        "line has no challenger; a training that is not promoted becomes challenger"
    )
    assert store.pointer_state("line", CHALLENGER) is None
    assert store.point("line", second, CHALLENGER) is None
    assert store.point("line", second, CHALLENGER) == second
    assert {spec: store.resolve(spec)[1] for spec in ("line", "line@champion", "line@challenger")} == {
        "line": first,
        "line@champion": first,
        "line@challenger": second,
    }
    assert store.open("line@challenger").manifest.version == second
    assert (store.alias("line", CHAMPION), store.alias("line", CHALLENGER)) == (first, second)
    (step,) = json.loads(place.read("line/challenger.json"))
    assert set(step) == {"version", "promoted"}
    assert not store.clear("line", CHALLENGER, expected=first)
    assert store.clear("line", CHALLENGER, expected=second)
    assert store.alias("line", CHALLENGER) is None
    assert store.pointer_state("line", CHALLENGER) is not None
    assert not store.point_if("line", first, expected=second, alias=CHALLENGER)
    assert store.point_if("line", first, expected=None, alias=CHALLENGER)
    assert store.champion("line") == first


def test_a_damaged_challenger_hides_no_champion(store: Store, place: Place) -> None:
    first, second = add(store, 1), add(store, 2)
    store.point("line", first)
    store.point("line", second, CHALLENGER)
    place.move(f"line/{second}", "away")
    assert [str(error) for error in store.check_aliases()] == [
        f"line's challenger {second} is gone from {store.location}; promote another version"
    ]
    place.write("line/challenger.json", b"{")
    assert store.open("line").manifest.version == first
    assert not store.clear("line", CHALLENGER, expected=first)
    (error,) = store.check_aliases()
    assert "challenger.json cannot be read" in str(error)


def test_audit_records_are_kept_in_order_by_model(store: Store) -> None:
    add(store, 1)
    add(store, 1, "other")
    assert store.audit("line") == []
    moves = [(None, "one"), ("one", "two"), ("two", "three")]
    for before, version in moves:
        store.append_audit(audit_record("promote", "line", CHAMPION, before, version, f"größer: {version}"))
    store.append_audit(audit_record("clear", "other", CHALLENGER, "one", None, ""))
    records = store.audit("line")
    assert [(record.from_version, record.to_version) for record in records] == moves
    last = records[-1]
    assert (last.what, last.model, last.alias, last.why) == ("promote", "line", CHAMPION, "größer: three")
    assert "@" in last.who
    assert last.time.endswith("+00:00")
    assert [record.to_version for record in store.audit("other")] == [None]
    assert store.names() == ["line", "other"]
    assert all(store.verify(name, version) for name in store.names() for version in store.identifiers(name))


def test_damaged_versions_do_not_hide_the_others(store: Store, place: Place) -> None:
    first, second = add(store, 1), add(store, 2)
    place.write(f"line/{first}/manifest.json", b"{}")
    manifests, errors = store.readable_versions("line")
    assert [manifest.version for manifest in manifests] == [second]
    assert len(errors) == 1
    assert f"{store.location}/line/{first}" in str(errors[0])


def test_a_pointer_changes_its_state_when_it_moves(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    states = [store.pointer_state("line")]
    for version in (first, second):
        store.point("line", version)
        states.append(store.pointer_state("line"))
    assert states[0] is None
    assert len(set(states)) == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'[{"version":1}]', b"[" * 100_000])
def test_a_damaged_pointer_is_named_and_mended_by_promoting(store: Store, place: Place, content: bytes) -> None:
    version = add(store, 1)
    store.point("line", version)
    place.write("line/champion.json", content)
    for ask in (
        lambda: store.champion("line"),
        lambda: store.open("line"),
        lambda: store.previous("line"),
        store.latest,
    ):
        message = error_text(ask)
        assert message.startswith(f"{store.location}/line/champion.json cannot be read: ")
        assert message.endswith("; promote a version to write it anew")
    assert store.open(f"line@{version}").manifest.version == version
    store.point("line", version)
    assert store.champion("line") == version


def test_a_champion_that_is_gone_is_named(store: Store, place: Place) -> None:
    first, second = add(store, 1), add(store, 2)
    store.point("line", first)
    store.point("line", second)
    place.move(f"line/{first}", "away")
    assert error_text(lambda: store.previous("line")) == (
        f"line's earlier champion {first} is gone from {store.location}; promote another version"
    )
    store.point("line", second)
    place.move(f"line/{second}", "away2")
    add(store, 3)
    assert error_text(lambda: store.open("line")) == (
        f"line's champion {second} is gone from {store.location}; promote another version"
    )


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "ü", "a@b", "a\n", "x\0"])
def test_a_name_that_is_no_file_name_is_refused(store: Store, place: Place, name: str) -> None:
    message = f"{name!r} cannot name a model; use letters, digits, dot, dash and underscore"
    assert error_text(lambda: store.check_writable(name)) == message
    assert error_text(lambda: store.add(name, writer(line(1)))) == message
    assert place.files() == []


def test_threads_that_race_to_promote_first_have_one_winner(store: Store) -> None:
    versions = [add(store, slope) for slope in range(4)]
    won: list[str] = []
    gate = threading.Barrier(4)

    def race(version: str) -> None:
        gate.wait()
        if store.point_if("line", version, expected=None):
            won.append(version)

    threads = [threading.Thread(target=race, args=[version]) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.champion("line") == won[0]


def test_a_pointer_is_json_that_people_can_read(store: Store, place: Place) -> None:
    version = add(store, 1)
    store.point("line", version)
    (step,) = json.loads(place.read("line/champion.json"))
    assert step["version"] == version
    assert step["promoted"].endswith("+00:00")


def test_a_writer_that_fails_leaves_nothing(store: Store, place: Place) -> None:
    def fail(folder: Path) -> Bundle:
        (folder / "model.joblib").write_bytes(b"half")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        store.add("line", fail)
    assert store.names() == []
    assert place.files() == []
    assert list((store.folder / "line").iterdir()) == []
