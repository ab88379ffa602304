"""Whatever is sent, the service answers with what it documents: never a 5xx, every refusal with its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.budget import budget
from tests.serving import models
from tests.serving.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

QUICK = settings(
    max_examples=budget(300), deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

THOROUGH = settings(QUICK, max_examples=budget(100))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    store = tmp_path_factory.mktemp("fuzz")
    models.mixed(store)
    with serving(store, journal="on") as client:
        yield client


NAMES = ["size", "rooms", "garden", "district", "built", 'odd "name"\\', "columns", "", "other"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["north", "2010-01-01", "2010-01-01T00:00:00Z", "12", "true", 10**400, 1e308, -0.0]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
ROWS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
GOOD = st.fixed_dictionaries(
    {
        "rooms": st.integers(-(2**60), 2**60),
        "garden": st.booleans(),
        "built": st.datetimes().map(lambda moment: moment.isoformat()),
        'odd "name"\\': st.floats(-1e300, 1e300),
    },
    optional={
        "size": st.none() | st.floats(-1e300, 1e300),
        "district": st.none() | st.text(max_size=30),
    },
)
BODIES = st.one_of(
    ROWS,
    st.lists(ROWS | VALUES, max_size=5),
    GOOD,
    st.lists(GOOD, max_size=5),
    st.fixed_dictionaries({"columns": st.dictionaries(st.sampled_from(NAMES), st.lists(SCALARS, max_size=4))}),
    VALUES,
)


def check(reply: httpx.Response) -> None:
    assert reply.status_code in (200, 400, 413, 422), reply.text
    assert "Traceback" not in reply.text
    document = reply.json()
    if reply.status_code == 422:
        assert document["errors_total"] >= len(document["errors"]) > 0
        for error in document["errors"]:
            assert set(error) == {"row", "column", "message"}
            assert error["message"]


@QUICK
@given(body=BODIES)
def test_any_json_gets_a_documented_answer(service: httpx.Client, body: Any) -> None:
    check(service.post("/predict", content=json.dumps(body)))


@QUICK
@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_get_a_documented_answer(service: httpx.Client, body: bytes) -> None:
    check(service.post("/predict", content=body))


@QUICK
@given(rows=st.lists(GOOD, min_size=1, max_size=4))
def test_rows_of_the_right_types_are_scored_or_refused_by_the_model_alone(
    service: httpx.Client, rows: list[dict[str, Any]]
) -> None:
    reply = service.post("/predict", content=json.dumps(rows))
    check(reply)
    if reply.status_code == 422:
        assert "cannot score this row" in reply.json()["detail"]
    else:
        assert len(reply.json()["predictions"]) == len(rows)


@QUICK
@given(query=st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=20)), max_size=8))
def test_any_query_gets_a_documented_answer(service: httpx.Client, query: list[tuple[str, str]]) -> None:
    check(service.get("/predict", params=[*query]))


def beyond_json_schema(reply: Any) -> bool:
    """Whether only what JSON Schema cannot say was refused: columns of one length, and the model's own limits."""
    if reply.status_code != 422:
        return False
    messages = [error["message"] for error in reply.json()["errors"]]
    return all("where the longest column has" in message or "cannot score" in message for message in messages)


def test_the_service_keeps_what_its_openapi_document_says(service: httpx.Client) -> None:
    schema = schemathesis.openapi.from_url(f"{service.base_url}/openapi.json")
    asked = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        case_of = st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        )

        @THOROUGH
        @given(case=case_of)
        def run(case: Any) -> None:
            reply = case.call(base_url=str(service.base_url).rstrip("/"))
            excluded = [positive_data_acceptance] if beyond_json_schema(reply) else []
            case.validate_response(reply, excluded_checks=excluded)
            asked.add(case.operation.label)

        run()
    assert {"POST /predict", "GET /predict", "GET /model", "GET /contract", "GET /metrics"} <= asked
