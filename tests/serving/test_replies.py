"""What the service answers, route by route, in process."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import httpx
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import fasttrack
from fasttrack.contract.frame import json_columns
from fasttrack.store import open_store
from tests.serving import models
from tests.serving.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    store = tmp_path_factory.mktemp("line")
    models.line(store)
    with serving(store, max_body_bytes=10_000, max_rows=50) as opened:
        yield opened


@pytest.fixture(scope="module")
def mixed_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("mixed")
    models.mixed(store)
    return store


@pytest.fixture(scope="module")
def mixed(mixed_store: Path) -> Iterator[httpx.Client]:
    with serving(mixed_store) as opened:
        yield opened


ROW = {"size": 9.5, "rooms": 3, "garden": True, "district": "north", "built": "2010-05-01", 'odd "name"\\': 0.5}


def test_the_specification_s_request(line: httpx.Client) -> None:
    assert line.get("/predict?x=5").content == b'{"x":5.0,"prediction":11.0}'


def test_one_row_rows_and_columns(line: httpx.Client) -> None:
    label = line.get("/health/ready").json()["model"]
    assert line.post("/predict", json={"x": 5}).json() == {"prediction": 11.0, "model": label}
    assert line.post("/predict", json=[{"x": 5}, {"x": 6.5}]).json() == {"predictions": [11.0, 14.0], "model": label}
    assert line.post("/predict", json={"columns": {"x": [5, 7]}}).json() == {
        "predictions": [11.0, 15.0],
        "model": label,
    }
    assert line.post("/predict", json=[{"x": 5}]).json() == {"predictions": [11.0], "model": label}
    assert line.post("/predict", json=[]).json() == {"predictions": [], "model": label}
    assert line.post("/predict", content=b'{"x":5}', headers={"content-type": "text/plain"}).status_code == 200


def test_warnings_name_what_training_did_not_see(mixed: httpx.Client) -> None:
    reply = mixed.post("/predict", json=[ROW, {**ROW, "district": "nowhere", "rooms": 60, "extra": 1}]).json()
    assert len(reply["predictions"]) == 2
    found = {(warning["row"], warning["column"]): warning["message"] for warning in reply["warnings"]}
    assert found[1, "district"] == "not among the 3 categories of the training data"
    assert found[1, "rooms"] == "outside the training range 1 to 5"
    assert found[1, "extra"].startswith("not a column of this model and ignored; its columns are 'size', 'rooms'")
    assert set(found) == {(1, "district"), (1, "rooms"), (1, "extra")}
    assert "warnings" not in mixed.post("/predict", json=ROW).json()


def test_missing_is_null_or_absent_where_training_had_missing_values(mixed: httpx.Client) -> None:
    null = mixed.post("/predict", json={**ROW, "size": None, "district": None})
    absent = mixed.post("/predict", json={k: v for k, v in ROW.items() if k not in ("size", "district")})
    assert null.status_code == absent.status_code == 200
    assert null.json() == absent.json()


def test_columns_named_as_members_of_the_reply_stand_apart(tmp_path: Path) -> None:
    X = pd.DataFrame({"prediction": [1.0, 2.0, 3.0], "warnings": [3.0, 2.0, 2.0]})
    fasttrack.package(LinearRegression().fit(X, X["prediction"]), X, X["prediction"], name="odd", store=tmp_path)
    with serving(tmp_path) as opened:
        reply = opened.get("/predict?prediction=2&warnings=2.5").json()
        assert reply["columns"] == {"prediction": 2.0, "warnings": 2.5}
        assert reply["prediction"] == pytest.approx(2)
        document = opened.get("/openapi.json").json()
        schema = document["paths"]["/predict"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert set(schema["properties"]["columns"]["properties"]) == {"prediction", "warnings"}


def test_a_query_is_read_back_with_its_prediction(mixed: httpx.Client) -> None:
    query = {
        "rooms": "3",
        "garden": "True",
        "district": "north",
        "built": "2010-05-01T00:00:00+02:00",
        'odd "name"\\': ".5",
    }
    reply = mixed.get("/predict", params={**query, "size": ""}).json()
    assert reply["size"] is None
    assert reply["rooms"] == 3
    assert reply["garden"] is True
    assert reply["district"] == "north"
    assert reply["built"] == "2010-04-30T22:00:00Z"
    assert reply["prediction"] in ("cheap", "dear")
    assert set(reply["probabilities"]) == {"cheap", "dear"}
    assert "model" not in reply


def test_served_answers_are_the_pipeline_s(mixed: httpx.Client, mixed_store: Path) -> None:
    bundle = open_store(mixed_store).open("mixed")
    pipeline = bundle.load_pipeline()
    X = models.mixed_frame()
    columns = json_columns(bundle.manifest.contract, X)
    expected, shares = pipeline.predict(X).tolist(), pipeline.predict_proba(X)
    many = mixed.post("/predict", json={"columns": columns}).json()
    assert many["predictions"] == expected
    assert many["probabilities"]["dear"] == pytest.approx(shares[:, 1].tolist(), rel=1e-14)
    for i in range(0, len(X), 9):
        one = mixed.post("/predict", json={name: cells[i] for name, cells in columns.items()}).json()
        assert one["prediction"] == expected[i]
        assert one["probabilities"]["cheap"] == pytest.approx(shares[i, 0], rel=1e-12)


@pytest.mark.parametrize("labels", [("no", "yes"), (0, 1), (False, True)])
def test_labels_keep_their_type(tmp_path: Path, labels: tuple[Any, Any]) -> None:
    models.mixed(tmp_path, labels)
    with serving(tmp_path) as opened:
        reply = opened.post("/predict", json=ROW).json()
        assert type(reply["prediction"]) is type(labels[0])
        assert list(reply["probabilities"]) == [json.dumps(label).strip('"') for label in labels]


def test_a_classifier_without_probabilities_gives_none(tmp_path: Path) -> None:
    models.without_probabilities(tmp_path)
    with serving(tmp_path) as opened:
        reply = opened.post("/predict", json=ROW).json()
        assert set(reply) == {"prediction", "model"}


def test_three_classes(tmp_path: Path) -> None:
    models.three_classes(tmp_path)
    with serving(tmp_path) as opened:
        reply = opened.post("/predict", json=[{"a": 5, "b": 1}, {"a": 75, "b": 0}]).json()
        assert reply["predictions"] == [0, 2]
        assert list(reply["probabilities"]) == ["0", "1", "2"]
        assert all(len(share) == 2 for share in reply["probabilities"].values())


@pytest.mark.parametrize(
    ("body", "status", "errors"),
    [
        ({"x": "12"}, 422, [(0, "x", "expected a number, got text")]),
        ({"x": True}, 422, [(0, "x", "expected a number, got a boolean")]),
        ({"x": [1]}, 422, [(0, "x", "expected a number, got an array")]),
        ({"y": 1}, 422, [(0, "x", "missing; expected a number"), (0, "y", None)]),
        ([{"x": 1}, {"x": {}}, 3], 422, [(1, "x", "expected a number, got an object"), (2, None, None)]),
        ({"columns": {"x": [1, "a"]}}, 422, [(1, "x", "expected a number, got text")]),
        ({"columns": {"x": 1}}, 422, [(None, "x", "expected an array of values, got a number")]),
        ({"columns": {}}, 422, [(None, "x", "missing; expected a number")]),
        ("text", 422, [(None, None, None)]),
        (3, 422, [(None, None, None)]),
    ],
)
def test_each_bad_cell_is_named(line: httpx.Client, body: Any, status: int, errors: list[Any]) -> None:
    reply = line.post("/predict", json=body)
    assert reply.status_code == status
    assert reply.headers["content-type"] == PROBLEM
    document = reply.json()
    assert document["status"] == status
    assert document["errors_total"] == len(errors)
    for found, (row, column, message) in zip(document["errors"], errors, strict=True):
        assert (found["row"], found["column"]) == (row, column)
        assert message is None or found["message"] == message


@pytest.mark.parametrize("body", [b"", b"{", b"[1,", b"\xff\xfe", b'{"x": NaN}', b"[" * 5000, b'{"x": 1} x'])
def test_a_body_that_is_no_json_is_told_so(line: httpx.Client, body: bytes) -> None:
    reply = line.post("/predict", content=body)
    assert reply.status_code == 400
    assert reply.json()["type"] == "urn:fasttrack:problem:malformed"


def test_at_most_a_hundred_errors_are_listed(line: httpx.Client, mixed: httpx.Client) -> None:
    document = mixed.post("/predict", json=[{}] * 150).json()
    assert len(document["errors"]) == 100
    assert document["errors_total"] == 600


def test_limits(line: httpx.Client) -> None:
    assert line.post("/predict", json=[{"x": 1}] * 50).status_code == 200
    rows = line.post("/predict", json=[{"x": 1}] * 51)
    assert rows.status_code == 422
    assert rows.json()["detail"] == "the request has 51 rows, the limit is 50; send it in smaller parts"
    large = line.post("/predict", content=b" " * 10_001)
    assert large.status_code == 413
    assert "10,000 bytes" in large.json()["detail"]

    def chunks() -> Iterator[bytes]:
        for _ in range(11):
            yield b" " * 1000

    assert line.post("/predict", content=chunks()).status_code == 413
    # a client that sends all of it before it reads is answered too; far past the limit nothing is read
    sent = urllib.request.Request(f"{line.base_url}/predict", data=b" " * 30_000)
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.urlopen(sent, timeout=30)
    with told.value as reply:
        assert reply.code == 413
    with socket.create_connection((line.base_url.host, line.base_url.port or 80), 30) as waiting:
        waiting.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\nExpect: 100-continue\r\n\r\n")
        assert waiting.recv(64).startswith(b"HTTP/1.1 413")
    packed = line.post("/predict", content=b"x", headers={"content-encoding": "gzip"})
    assert packed.status_code == 415


def test_unknown_paths_and_methods_are_problems_too(line: httpx.Client) -> None:
    for path in ("/nope", "/predict/x", "/model/1"):
        reply = line.get(path)
        assert reply.status_code == 404
        assert reply.headers["content-type"] == PROBLEM
    reply = line.delete("/predict")
    assert reply.status_code == 405
    assert reply.headers["allow"] == "GET, POST"
    assert line.post("/contract").headers["allow"] == "GET"


def test_a_row_that_the_pipeline_raises_on_is_named_and_no_value_leaks(tmp_path: Path) -> None:
    models.touchy(tmp_path)
    with serving(tmp_path) as opened:
        rows = [{"x": float(i)} for i in range(70)]
        rows[43] = {"x": 12345.0}
        reply = opened.post("/predict", json=rows)
        assert reply.status_code == 422
        assert reply.json()["errors"][0]["row"] == 43
        assert "12345" not in reply.text
        assert "secret" not in reply.text
        assert opened.post("/predict", json=rows[:43]).json()["predictions"] == [float(i) for i in range(43)]


def test_numbers_at_the_edge_get_an_answer(line: httpx.Client) -> None:
    huge = line.post("/predict", json={"x": 1e308})
    assert huge.status_code == 200
    assert huge.json()["prediction"] is None
    assert any("not a finite number" in warning["message"] for warning in huge.json()["warnings"])
    past = line.post("/predict", content=b'{"x": 1e400}')
    assert past.status_code == 422
    assert past.json()["errors"][0]["message"] == "the number is too large for a 64-bit float"
    assert line.post("/predict", content=b'{"x": -0.0}').json()["prediction"] == 1.0


def test_the_model_and_its_contract_are_told(line: httpx.Client) -> None:
    model = line.get("/model").json()
    assert model["name"] == "line"
    assert model["engine"] == "onnx"
    assert "model.joblib" in model["files"]
    contract = line.get("/contract").json()
    assert [column["name"] for column in contract["columns"]] == ["x"]
    assert line.get("/health/live").json() == {"status": "live"}


def test_openapi_shows_the_real_columns_and_its_examples_work(mixed: httpx.Client) -> None:
    document = mixed.get("/openapi.json").json()
    post = document["paths"]["/predict"]["post"]
    content = post["requestBody"]["content"]["application/json"]
    row = content["schema"]["anyOf"][0]["properties"]
    assert list(row) == list(ROW)
    assert row["size"]["type"] == ["number", "null"]
    assert row["rooms"]["type"] == "integer"
    assert "Known values: south, old town, north." in row["district"]["description"]
    for example in content["examples"].values():
        reply = mixed.post("/predict", json=example["value"])
        assert reply.status_code == 200
        assert "warnings" not in reply.json()
    parameters = {parameter["name"]: parameter for parameter in document["paths"]["/predict"]["get"]["parameters"]}
    query = {name: str(parameter["example"]) for name, parameter in parameters.items()}
    assert mixed.get("/predict", params=query).status_code == 200


def test_the_docs_need_no_other_host(line: httpx.Client) -> None:
    page = line.get("/docs").text
    assert "https://" not in page
    assert "http://" not in page
    for path in ("/docs/static/swagger/swagger-ui-bundle.js", "/docs/static/swagger/swagger-ui.css"):
        assert path in page
        assert line.get(path).status_code == 200
    assert line.get("/", follow_redirects=False).headers["location"] == "/docs"


def test_metrics_count_what_happened(tmp_path: Path) -> None:
    models.line(tmp_path)
    with serving(tmp_path) as opened:
        label = opened.get("/health/ready").json()["model"]
        version = label.partition("@")[2]
        opened.post("/predict", json=[{"x": 1}] * 7)
        opened.get("/predict?x=1")
        opened.post("/predict", json={"x": "a"})
        opened.post("/predict", content=b"{")
        opened.get("/nowhere")
        reply = opened.get("/metrics")
        assert reply.headers["content-type"].startswith("text/plain")
        series = dict(line.rsplit(" ", 1) for line in reply.text.splitlines() if not line.startswith("#"))
    assert series[f'fasttrack_predictions_total{{model="line",outcome="scored",version="{version}"}}'] == "8.0"
    assert series[f'fasttrack_inference_seconds_count{{model="line",version="{version}"}}'] == "2.0"
    assert series['fasttrack_refused_requests_total{model="line",reason="invalid"}'] == "1.0"
    assert series['fasttrack_refused_requests_total{model="line",reason="malformed"}'] == "1.0"
    assert series[f'fasttrack_model_info{{engine="onnx",model="line",version="{version}"}}'] == "1.0"
    assert series['http_requests_total{handler="/predict",method="POST",status="200"}'] == "1.0"
    assert series['http_requests_total{handler="/predict",method="POST",status="422"}'] == "1.0"
    assert series['http_requests_total{handler="none",method="GET",status="404"}'] == "1.0"
    assert series["http_requests_inprogress"] == "1.0"  # the one that asks
    assert not any("_created" in name for name in series)
