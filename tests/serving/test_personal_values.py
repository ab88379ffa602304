"""A model trained with names and salaries publishes none of them, and no value of a request is repeated to anyone."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

from fasttrack.serving.app import create_app
from fasttrack.serving.http.wire import Wire
from fasttrack.serving.paths import PATHS
from fasttrack.serving.runtime import Runtime
from fasttrack.serving.service import Service
from fasttrack.settings import Settings
from fasttrack.store import open_store
from tests.cli.commands import run
from tests.serving import models
from tests.serving.server import run_app, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from fasttrack.bundle import Bundle

NAME = "Kestrel, Ottoline"
PRIVATE = (NAME, "Oslo", "987654", "1234.5", "1899-03", "Quagga")
"""Every name, a port of four rows, the extreme salaries, the earliest date of birth, one comment."""
MODEL = (
    "--target",
    "survived",
    "--kind",
    "name=category",
    "--kind",
    "comment=category",
    "--estimator",
    "linear",
    "--promote",
    "always",
)


def write_people(path: Path, rows: int = 240) -> None:
    random = np.random.default_rng(0)
    born = pd.Timestamp("1950-01-01") + pd.to_timedelta(random.integers(0, 20_000, rows), unit="D")
    frame = pd.DataFrame(
        {
            "name": [f"{NAME} {i // 2}" for i in range(rows)],
            "comment": [f"Quagga {i % 80} seen by {i % 80} people" for i in range(rows)],
            "port": random.choice(["Bergen", "Cork"], rows),
            "salary": random.normal(50_000, 5_000, rows).round(2),
            "born": pd.Series(born),
            "survived": random.integers(0, 2, rows),
        }
    )
    frame.loc[:3, "port"] = "Oslo"
    frame.loc[4, "salary"], frame.loc[5, "salary"] = 987_654.25, 1_234.5
    frame.loc[6, "born"] = pd.Timestamp("1899-03-04")
    frame.to_csv(path, index=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    write_people(folder / "people.csv")
    return folder


@pytest.fixture(scope="module")
def output(folder: Path) -> dict[str, str]:
    """What the commands print, by command."""
    init = run("init", "people.csv", "--target", "survived", cwd=folder)
    train = run("train", "people.csv", *MODEL, cwd=folder)
    show = run("models", "show", "people", cwd=folder)
    build = run("monitor", "build", "people", "--output", "monitoring", cwd=folder)
    row = ["name=?", "comment=?", "port=?", "salary=1e9", "born=2300-01-01"]
    predict = run("predict", *row, "--model", "people", cwd=folder)
    done = {"init": init, "train": train, "models show": show, "monitor build": build, "predict": predict}
    return {name: process.stdout + process.stderr for name, process in done.items()}


@pytest.fixture(scope="module")
def bundle(folder: Path, output: dict[str, str]) -> Bundle:
    assert output
    return open_store(folder / "model").open("people")


def assert_nothing_private(texts: dict[str, str]) -> None:
    assert texts
    assert {name: found for name, text in texts.items() if (found := [p for p in PRIVATE if p in text])} == {}


def test_the_model_knows_the_names(bundle: Bundle) -> None:
    by_name = {column.name: column for column in bundle.manifest.contract.columns}
    assert f"{NAME} 7" in (by_name["name"].categories or [])
    assert by_name["salary"].maximum == 987_654.25


def test_the_commands_print_nothing_private(output: dict[str, str]) -> None:
    assert "not among the 3 categories of the training data" in output["predict"]
    assert "outside the training range about" in output["predict"]
    assert "3: " in output["models show"]
    assert_nothing_private(output)


def test_the_written_files_hold_nothing_private(folder: Path, bundle: Bundle) -> None:
    files = ["report.html", "MLmodel", "input_example.json", "serving_input_example.json", "python_env.yaml"]
    texts = {name: bundle.read(name).decode() for name in files}
    texts |= {path.name: path.read_text() for path in [*(folder / "monitoring").iterdir(), folder / "fasttrack.toml"]}
    assert {"rules.yml", "runbooks.md", "grafana-dashboard.json", "fasttrack.toml"} <= texts.keys()
    assert "Cork" in texts["report.html"]
    assert_nothing_private(texts)


@pytest.mark.parametrize("http", ["httptools", Wire])
def test_the_server_publishes_nothing_private(
    folder: Path, bundle: Bundle, http: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    known = {"name": f"{NAME} 7", "comment": "Quagga 7 seen by 7 people", "port": "Oslo", "salary": 5e4}
    with serving(folder / "model", http=http, journal="off") as client:
        replies = {
            "known": client.post("/predict", json=known | {"born": "1970-01-01"}),
            "unseen": client.post("/predict", json=dict.fromkeys(known, "?") | {"salary": 1e9, "born": "2300-01-01"}),
            "refused": client.post("/predict", json=known),
            **{path: client.get(path) for path in sorted(PATHS - {"/predict", "/feedback"})},
        }
    assert [replies[name].status_code for name in ("known", "unseen", "refused")] == [200, 200, 422]
    assert "warnings" not in replies["known"].json()
    assert len(replies["unseen"].json()["warnings"]) == 5
    assert 'bin="00 Bergen"' in replies["/metrics"].text
    assert max(len(replies[path].content) for path in ("/contract", "/docs")) < 5_000
    assert len(replies["/openapi.json"].content) < 50_000
    assert bundle.label in replies["/openapi.json"].text
    assert_nothing_private({name: reply.text + str(reply.headers) for name, reply in replies.items()})
    assert_nothing_private({"log": caplog.text})


SECRET = "s3cr3t-0f-a-caller"
ODD: list[Any] = [SECRET, [SECRET], {"a": {SECRET: SECRET}}, {"a": [SECRET]}]
"""A marked value, as the value of a cell and deeper."""
ROW = {"size": 9.5, "rooms": 3, "garden": True, "district": "north", "built": "2010-05-01", 'odd "name"\\': 0.5}


@pytest.fixture(scope="module", params=["httptools", Wire])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    store = tmp_path_factory.mktemp("mixed")
    models.mixed(store)
    with serving(store, http=request.param, journal="on", max_body_bytes=10_000) as client:
        yield client


def bodies() -> Iterator[bytes]:
    """Bodies for /predict and /feedback that hold the marked value everywhere but as the name of a column.

    The name of an unknown column is repeated, because a misspelt one could not be found otherwise.
    """
    for value in ODD:
        yield json.dumps([value]).encode()
        for name in ROW:
            yield json.dumps(ROW | {name: value}).encode()
            yield json.dumps([ROW, ROW | {name: value}]).encode()
            yield json.dumps({"columns": {n: [v] for n, v in (ROW | {name: value}).items()}}).encode()
            yield json.dumps({"columns": {n: [v] for n, v in ROW.items()} | {name: value}}).encode()
        for label in ({"id": value, "label": 1}, {"id": "1-1", "label": value}, [{"id": SECRET, "label": SECRET}]):
            yield json.dumps(label).encode()
    yield f'{{"size": {SECRET}'.encode()
    yield f'{{"size": "{SECRET}", "size": "{SECRET}", "id": 1'.encode()
    yield SECRET.encode("utf-16")
    yield b'{"size": "' + SECRET.encode() + b'\xff"}'
    yield json.dumps([SECRET] * 2_000).encode()


def test_no_reply_to_a_body_repeats_a_value_nor_does_the_log(
    service: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="fasttrack")
    caplog.set_level(logging.DEBUG, logger="uvicorn")
    replies = [service.post(path, content=body) for body in bodies() for path in ("/predict", "/feedback")]
    assert {reply.status_code for reply in replies} >= {200, 400, 413, 422}
    repeated = [reply.text for reply in replies if SECRET in reply.text or SECRET in str(reply.headers)]
    assert repeated == []
    assert SECRET not in caplog.text


def test_no_reply_repeats_a_path_a_header_or_a_parameter(
    service: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="fasttrack")
    caplog.set_level(logging.DEBUG, logger="uvicorn")
    replies = [service.get(path) for path in (f"/{SECRET}", f"/docs/static/{SECRET}", f"/contract/{SECRET}")]
    for path in sorted(PATHS):
        for method in ("GET", "POST", "PUT"):
            replies.append(service.request(method, path, content=b"{}", headers={"x-name": SECRET, "cookie": SECRET}))
            replies.append(service.request(method, path, content=b"{}", headers={"content-type": SECRET}))
            replies.append(service.request(method, path, content=b"{}", headers={"content-encoding": SECRET}))
        replies.append(service.request("S3CR3T", path))
    for name in ROW:  # a good row is repeated by GET /predict, as documented; a refused one is not
        query: dict[str, Any] = {**ROW, "garden": "true", "rooms": "1.5", name: SECRET}
        replies.append(service.get("/predict", params=query))
        replies.append(service.get(f"/predict?{quote(name)}={SECRET}&{quote(name)}={SECRET}"))
    assert {reply.status_code for reply in replies} >= {200, 404, 405, 415, 422}
    assert [reply.text for reply in replies if "s3cr3t" in (reply.text + str(reply.headers)).lower()] == []
    assert SECRET not in caplog.text


@pytest.mark.parametrize("http", ["httptools", "h11", Wire])
def test_the_access_log_has_no_query(tmp_path: Path, http: Any, capfd: pytest.CaptureFixture[str]) -> None:
    models.line(tmp_path)
    settings = Settings(store=str(tmp_path), journal="off")
    app = Service(Runtime(settings)) if http is Wire else create_app(settings)
    with run_app(app, http=http, access_log=True) as client:
        assert client.get("/predict", params={"x": 987654.25}).status_code == 200
    printed = "".join(capfd.readouterr())
    assert '"GET /predict?… HTTP/1.1" 200' in printed
    assert "987654" not in printed


def test_the_log_of_a_pipeline_that_fails_does_not_quote_the_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models.touchy(tmp_path)  # its errors quote the number
    with serving(tmp_path, journal="off") as client:
        replies = [client.post("/predict", json=body) for body in ({"x": 987654.25}, [{"x": 1.0}, {"x": 987654.25}])]
    assert {reply.status_code for reply in replies} == {422}
    assert "987654" not in caplog.text + "".join(reply.text for reply in replies)
