"""A label must fit the version that made the prediction, whichever version serves when it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fasttrack.contract.schema import Target
from fasttrack.journal.origin import Origins
from fasttrack.journal.predictions import JournalModel
from fasttrack.store import open_store
from tests.journal.places import wait_for
from tests.serving import models
from tests.serving.server import serving

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = Target(name="y", task="regression")
TEXT = Target(name="y", task="binary", classes=["no", "yes"])


def answer(client: httpx.Client, id_: str, label: Any) -> tuple[int, str]:
    reply = client.post("/feedback", json={"id": id_, "label": label})
    return reply.status_code, reply.json().get("detail", "")


def check_labels(client: httpx.Client, number: str, text: str) -> None:
    """Of the prediction `number` the label is a number, of `text` it is text."""
    for _ in range(2):
        assert answer(client, number, 4.5) == (202, "")
        assert answer(client, text, "dear") == (202, "")
        status, detail = answer(client, number, "dear")
        assert (status, "the label of y must be a number" in detail) == (422, True)
        status, detail = answer(client, text, 4.5)
        assert (status, "the label of price must be text, as its classes are" in detail) == (422, True)
    both = [{"id": number, "label": 1}, {"id": text, "label": 1}, {"id": text, "label": "dear"}]
    errors = client.post("/feedback", json=both).json()["errors"]
    assert [(error["row"], error["column"]) for error in errors] == [(1, "label")]


@pytest.mark.parametrize("where", ["journal", "postgres"])
def test_a_label_is_checked_by_the_version_of_its_prediction(
    tmp_path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    journal = str(tmp_path / "j") if where == "journal" else request.getfixturevalue("postgres").url
    store = tmp_path / "store"
    first = models.line(store, name="m").manifest.version
    with serving(store, journal=journal, model="m", reload_seconds=0.05) as client:
        number = client.post("/predict", json={"x": 1}).json()["id"]
        second = models.mixed(store, name="m").manifest.version
        wait_for(lambda: client.get("/health/ready").json()["model"] == f"m@{second}")
        row = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]
        example = row["content"]["application/json"]["examples"]["row"]["value"]
        text = client.post("/predict", json=example).json()["id"]
        check_labels(client, number, text)
        # of a prediction that another worker has not written yet, the version is one of those
        elsewhere = "0000000000-00000000"
        assert answer(client, elsewhere, 1.5)[0] == answer(client, elsewhere, "dear")[0] == 202
        assert answer(client, elsewhere, True)[0] == 422
    for version in (first, second):  # in another process the journal tells
        open_store(store).point("m", version)
        with serving(store, journal=journal, model="m") as client:
            check_labels(client, number, text)


def about(target: Target, version: str = "1") -> JournalModel:
    return JournalModel("m", version, target, [])


def test_a_journal_that_does_not_answer_is_asked_again_later_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    origins = Origins(str(tmp_path / "file" / "journal"), "me")
    origins.add(about(NUMBER))
    origins.record(0, 5, NUMBER)
    asked = 0
    owners = type(origins._database).owners

    def count(self: Any, ids: Any) -> Any:
        nonlocal asked
        asked += 1
        return owners(self, ids)

    monkeypatch.setattr(type(origins._database), "owners", count)
    for _ in range(3):
        assert origins.targets([("me", 4), ("other", 0), ("me", 5)]) == [NUMBER, None, None]
    assert asked == 1
    assert origins.candidates() == [NUMBER]


def test_the_latest_version_is_the_first_candidate_and_each_is_one_once(tmp_path: Path) -> None:
    origins = Origins(str(tmp_path / "journal"), "me")
    for target, version in ((NUMBER, "1"), (TEXT, "2"), (NUMBER, "1")):
        origins.add(about(target, version))
    assert origins.candidates() == [NUMBER, TEXT]


def test_versions_that_predict_in_turn_take_no_more_than_their_room(tmp_path: Path) -> None:
    origins = Origins(str(tmp_path / "journal"), "me")
    for number in range(50_000):
        origins.record(number, number + 1, (NUMBER, TEXT)[number % 2])
    assert len(origins._spans) <= 10_000
    assert origins.targets([("me", 49_999), ("me", 49_998), ("me", 0), ("me", 50_000)]) == [TEXT, NUMBER, None, None]
    origins.close()
