"""Whoever moves an alias: the version is verified, the alias moves, the move is recorded, and MLflow follows."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from typer.testing import CliRunner

import fasttrack
from fasttrack.bundle import GRAPH, write_bundle
from fasttrack.cli.app import app
from fasttrack.errors import BundleError, ConfigError, StoreError
from fasttrack.jobs.follow import follow
from fasttrack.jobs.promote import promote, rollback
from fasttrack.jobs.pull import pull
from fasttrack.store import CHALLENGER, CHAMPION, LocalStore
from fasttrack.tracking import Place, spool_folder, track
from fasttrack.tracking.spool import Spool
from tests.bundles import line, manifest
from tests.integration.real import poll
from tests.tracking.runs import make_bundle, make_record, mlflow_client, new_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class World:
    """A store with two versions of a model, both registered in MLflow; the first is the champion of both."""

    folder: Path
    place: Place
    store: LocalStore
    name: str
    first: str
    second: str

    @property
    def spec(self) -> str:
        return f"{self.name}@{self.second}"

    def command(self, *arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    def elsewhere(self) -> LocalStore:
        """Another store that has the second version."""
        other = LocalStore(self.folder / "elsewhere")
        make_bundle(other, self.name, 3.0)
        return other

    def mlflow_aliases(self) -> dict[str, int]:
        with mlflow_client(self.place.uri) as mlflow:
            return {alias: int(number) for alias, number in mlflow.get_registered_model(self.name).aliases.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(f"sqlite:///{tmp_path_factory.mktemp('registry')}/mlflow.db")


@pytest.fixture
def world(place: Place, tmp_path: Path) -> World:
    store, name = LocalStore(tmp_path / "model"), new_name()
    first, second = (make_bundle(store, name, slope) for slope in (2.0, 3.0))
    for bundle in (second, first):  # so that a rollback goes to the second
        store.point(name, bundle.manifest.version)
    for bundle in (first, second):
        track(place, make_record(place, bundle), store, spool_folder(store.folder))
    return World(tmp_path, place, store, name, first.manifest.version, second.manifest.version)


def follow_once(world: World) -> None:
    stop = threading.Event()
    arguments = (world.place, f"models:/{world.name}/2", world.store, stop)
    follower = threading.Thread(target=follow, args=arguments, kwargs={"every_s": 0.05})
    follower.start()
    poll(lambda: world.store.champion(world.name) == world.second, what="the promotion", within_s=60)
    stop.set()
    follower.join(60)
    assert not follower.is_alive()


CALLERS: dict[str, tuple[Callable[[World], object], str]] = {
    "promote": (lambda world: promote(world.spec, store=world.store, why="it is better"), "it is better"),
    "rollback": (lambda world: rollback(world.name, store=world.store.folder, why="too slow"), "too slow"),
    "models promote": (
        lambda world: world.command("models", "promote", world.spec, "--why", "tried", "--store", world.store.location),
        "tried",
    ),
    "models rollback": (
        lambda world: world.command("models", "rollback", world.name, "--store", world.store.location),
        "",
    ),
    "models push": (
        lambda world: world.command(
            *("models", "push", world.spec, world.store.location, "--promote", "--store", world.elsewhere().location)
        ),
        "copied from {elsewhere}",
    ),
    "models pull": (
        lambda world: world.command(
            *("models", "pull", world.elsewhere().location, world.spec, "--promote", "--store", world.store.location)
        ),
        "copied from {elsewhere}",
    ),
    "pull": (
        lambda world: pull(world.place, f"models:/{world.name}/2", world.store, promote=True),
        "pulled models:/{name}/2, {name} version 2, from {place}",
    ),
    "follow": (follow_once, "pulled models:/{name}/2, {name} version 2, from {place}"),
}


@pytest.mark.parametrize("caller", CALLERS)
def test_whoever_promotes_moves_the_alias_records_it_and_mlflow_follows(world: World, caller: str) -> None:
    act, why = CALLERS[caller]
    assert world.mlflow_aliases()[CHAMPION] == 1
    act(world)
    assert world.store.champion(world.name) == world.second
    assert world.mlflow_aliases() == {CHAMPION: 2}
    (record,) = world.store.audit(world.name)
    assert record.what == ("rollback" if "rollback" in caller else "promote")
    assert (record.alias, record.from_version, record.to_version) == (CHAMPION, world.first, world.second)
    assert record.why == why.format(name=world.name, place=world.place.label, elsewhere=world.folder / "elsewhere")


@pytest.mark.parametrize("caller", ["promote", "rollback"])
def test_what_is_damaged_is_not_promoted(world: World, caller: str) -> None:
    path = world.store.folder / world.name / world.second / "model.joblib"
    path.write_bytes(path.read_bytes() + b"?")
    with pytest.raises(BundleError, match="was changed after it was written"):
        CALLERS[caller][0](world)
    assert world.store.champion(world.name) == world.first
    assert world.store.audit(world.name) == []
    assert world.mlflow_aliases()[CHAMPION] == 1


def test_a_graph_that_cannot_be_loaded_is_not_promoted(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    compiled = msgspec.structs.replace(manifest(), engine="onnx")
    bundle = store.add("line", lambda folder: write_bundle(folder, compiled, line(1), others={GRAPH: b"no graph"}))
    with pytest.raises(BundleError, match=f"{bundle.label} cannot be opened: ") as caught:
        promote(bundle.label, store=store)
    assert "\n" not in str(caught.value)
    assert store.champion("line") is None


def test_a_promotion_while_mlflow_is_down_is_done_and_mirrored_later(world: World) -> None:
    down = Place("http://127.0.0.1:9")
    move = promote(world.spec, store=world.store, tracking=down.uri)
    assert move.mirrored is not None
    assert move.mirrored.startswith("MLflow's alias is behind: http://127.0.0.1:9 does not answer")
    assert world.store.champion(world.name) == world.second
    assert len(world.store.audit(world.name)) == 1
    assert Spool(spool_folder(world.store.location)).pending_aliases() == [world.name]
    assert world.command("mlflow", "send", "--store", world.store.location).startswith("MLflow: ")
    assert world.mlflow_aliases()[CHAMPION] == 2


def test_a_challenger_is_pointed_to_and_is_none_once_it_is_the_champion(world: World) -> None:
    move = promote(world.spec, store=world.store, alias=CHALLENGER, why="to be watched")
    assert (move.alias, move.before, move.version) == (CHALLENGER, None, world.second)
    assert world.store.champion(world.name) == world.first
    assert world.mlflow_aliases() == {CHAMPION: 1, CHALLENGER: 2}
    promote(f"{world.name}@{CHALLENGER}", store=world.store, why="it held")
    assert world.mlflow_aliases() == {CHAMPION: 2}
    assert world.store.alias(world.name, CHALLENGER) is None
    moves = [(record.what, record.alias, record.to_version, record.why) for record in world.store.audit(world.name)]
    assert moves == [
        ("promote", CHALLENGER, world.second, "to be watched"),
        ("promote", CHAMPION, world.second, "it held"),
        ("clear", CHALLENGER, None, "it is the champion now"),
    ]


def test_a_challenger_cleared_while_mlflow_is_down_is_cleared_there_too(world: World) -> None:
    promote(world.spec, store=world.store, alias=CHALLENGER)
    promote(world.spec, store=world.store, tracking="http://127.0.0.1:9")
    rollback(world.name, store=world.store, tracking="http://127.0.0.1:9")
    assert world.mlflow_aliases() == {CHAMPION: 1, CHALLENGER: 2}
    world.command("mlflow", "send", "--store", world.store.location)
    assert world.mlflow_aliases() == {CHAMPION: 1}


def test_the_champion_is_not_made_the_challenger(world: World) -> None:
    with pytest.raises(StoreError, match=f"{world.name}@{world.first} is the champion; the challenger must be another"):
        promote(f"{world.name}@{world.first}", store=world.store, alias=CHALLENGER)
    assert world.store.alias(world.name, CHALLENGER) is None


def test_an_alias_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(ConfigError, match="alias 'best': choose one of champion, challenger"):
        promote(world.spec, store=world.store, alias="best")


def test_a_rollback_at_the_first_champion_is_refused(world: World) -> None:
    rollback(world.name, store=world.store, tracking="off")
    with pytest.raises(StoreError, match="has no earlier champion to go back to"):
        rollback(world.name, store=world.store, tracking="off")
    assert len(world.store.audit(world.name)) == 1


def test_a_store_that_only_follows_mlflow_never_moves_its_aliases(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTRACK_TRACKING", world.place.uri)
    staging = LocalStore(world.folder / "staging")
    done = pull(world.place, f"models:/{world.name}/2", staging, promote=True)
    assert done.promotion is not None
    assert done.promotion.mirrored is None
    assert staging.champion(world.name) == world.second
    assert world.mlflow_aliases()[CHAMPION] == 1
    assert pull(world.place, f"models:/{world.name}/2", staging, promote=True).promotion is None
    assert len(staging.audit(world.name)) == 1


def test_the_alias_that_was_pulled_from_is_left_alone(world: World) -> None:
    with mlflow_client(world.place.uri) as mlflow:
        mlflow.set_registered_model_alias(world.name, CHAMPION, "2")
    done = pull(world.place, f"models:/{world.name}@{CHAMPION}", world.store, promote=True)
    assert done.promotion is not None
    assert done.promotion.mirrored is None
    assert world.store.champion(world.name) == world.second
    assert world.mlflow_aliases()[CHAMPION] == 2


def houses() -> tuple[pd.DataFrame, pd.Series[float]]:
    random = np.random.default_rng(0)
    X = pd.DataFrame({"size": random.normal(size=120)})
    return X, pd.Series(3 * X["size"] + random.normal(0, 0.1, 120), name="price")


@pytest.mark.parametrize("tracking", ["given", "remembered", "off"])
def test_a_training_that_is_better_is_promoted_and_one_that_is_not_is_the_challenger(
    place: Place, tmp_path: Path, tracking: str
) -> None:
    X, y = houses()
    frame, name, store = X.assign(price=y), new_name(), LocalStore(tmp_path)
    dummy = fasttrack.train(
        frame, "price", name=name, estimator=DummyRegressor(), store=tmp_path, tracking=place.uri, promote="always"
    ).manifest.version
    given = {"given": place.uri, "remembered": None, "off": "off"}[tracking]
    better = fasttrack.train(frame, "price", name=name, estimator=LinearRegression(), store=tmp_path, tracking=given)
    assert store.champion(name) == better.manifest.version
    mean = DummyRegressor(strategy="median").fit(X, y)
    worse = fasttrack.package(mean, X, y, name=name, store=tmp_path, tracking=given)
    assert not worse.verdict.promoted
    assert store.champion(name) == better.manifest.version
    assert store.alias(name, CHALLENGER) == worse.manifest.version
    assert store.resolve(f"{name}@challenger") == (name, worse.manifest.version)
    moves = [(record.alias, record.from_version, record.to_version, record.why) for record in store.audit(name)]
    assert moves == [
        (CHAMPION, None, dummy, "promoted, as asked"),
        (CHAMPION, dummy, better.manifest.version, better.verdict.reason),
        (CHALLENGER, None, worse.manifest.version, worse.verdict.reason),
    ]
    with mlflow_client(place.uri) as mlflow:
        aliases = {alias: int(number) for alias, number in mlflow.get_registered_model(name).aliases.items()}
    if tracking == "given":
        assert aliases == {CHAMPION: 2, CHALLENGER: 3}
    else:
        assert aliases == {CHAMPION: 1}
    if tracking == "remembered":
        assert better.tracked is not None
        assert better.tracked.message == (
            f"MLflow at {place.label} has no version {better.manifest.version} of {name}: its alias stays where it is"
        )
    if tracking == "off":
        assert (better.tracked, worse.tracked) == (None, None)


def test_the_champion_trained_again_is_no_challenger(tmp_path: Path) -> None:
    X, y = houses()
    frame, store = X.assign(price=y), LocalStore(tmp_path)
    for _ in range(2):
        outcome = fasttrack.train(frame, "price", name="houses", estimator="linear", store=tmp_path, tracking="off")
    assert outcome.verdict.reason.startswith("already the champion")
    assert store.alias("houses", CHALLENGER) is None
    assert len(store.audit("houses")) == 1


def test_trainings_that_race_are_each_compared_with_the_champion_that_they_replace(tmp_path: Path) -> None:
    """A version that was promoted after the comparison is the one that the next comparison is with."""
    from fasttrack.jobs.decide import compare_in_store, decide
    from fasttrack.training.holdout import predict_holdout

    X, y = houses()
    store = LocalStore(tmp_path)
    models = [DummyRegressor(), LinearRegression(), DummyRegressor(strategy="median")]
    bundles = [
        fasttrack.package(model.fit(X, y), X, y, name="houses", store=tmp_path, promote="never", tracking="off").bundle
        for model in models
    ]
    dummy, linear, median = bundles
    promote(dummy.label, store=store)
    contract = median.manifest.contract
    holdout = predict_holdout(models[2], contract, X, y)
    stale = compare_in_store(store, "houses", contract, holdout)
    assert stale is not None
    assert stale.champion == dummy.manifest.version
    promote(linear.label, store=store)
    verdict = decide(store, median, holdout, rule="better", confidence=0.5, comparison=stale).verdict
    assert not verdict.promoted
    assert verdict.comparison is not None
    assert f"of champion {linear.manifest.version}" in verdict.reason
