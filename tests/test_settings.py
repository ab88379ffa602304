"""`FASTTRACK_*` variables: what each becomes, and the one line that each mistake gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from fasttrack.errors import ConfigError
from fasttrack.settings import Settings


def test_without_variables_there_are_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().store == "model"
    assert Settings().max_body_bytes == 16 * 1024 * 1024


def test_every_setting_has_a_variable() -> None:
    environment = {
        "FASTTRACK_STORE": "s3://bucket/models",
        "FASTTRACK_CACHE": "/cache",
        "FASTTRACK_MODEL": "flights@champion",
        "FASTTRACK_MAX_BODY_BYTES": "1000",
        "FASTTRACK_MAX_ROWS": "10",
        "FASTTRACK_RELOAD_SECONDS": "0.5",
        "FASTTRACK_METRICS_DIR": "/run/metrics",
        "FASTTRACK_JOURNAL": "postgresql://db/journal",
        "FASTTRACK_JOURNAL_SAMPLE": "0.5",
        "FASTTRACK_JOURNAL_OMIT": "name, birthday",
        "FASTTRACK_JOURNAL_DAYS": "30.0",
        "FASTTRACK_JOURNAL_BYTES": "1000000",
        "FASTTRACK_GUARDS": "shop.access:check_key",
        "FASTTRACK_OBSERVERS": "shop.watch:count",
        "FASTTRACK_ALLOW_VERSION_MISMATCH": "1",
        "OTHER": "x",
    }
    settings = Settings.from_environment(environment)
    assert settings == Settings(
        store="s3://bucket/models",
        cache=Path("/cache"),
        model="flights@champion",
        max_body_bytes=1000,
        max_rows=10,
        reload_seconds=0.5,
        metrics_dir=Path("/run/metrics"),
        journal="postgresql://db/journal",
        journal_sample=0.5,
        journal_omit="name, birthday",
        journal_days=30,
        journal_bytes=1_000_000,
        guards="shop.access:check_key",
        observers="shop.watch:count",
        allow_version_mismatch=True,
    )
    assert Settings.from_environment(settings.as_environment()) == settings
    named = {f"FASTTRACK_{name.upper()}" for name in Settings.__struct_fields__}
    assert named == set(environment) - {"OTHER"}


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("True", True), ("0", False), ("false", False)]
)
def test_a_switch_is_written_in_any_usual_way(text: str, value: bool) -> None:
    assert Settings.from_environment({"FASTTRACK_ALLOW_VERSION_MISMATCH": text}).allow_version_mismatch is value


def test_the_name_of_a_model_stays_text() -> None:
    assert Settings.from_environment({"FASTTRACK_MODEL": "12"}).model == "12"
    assert Settings.from_environment({"FASTTRACK_MODEL": "null"}).model == "null"


def test_an_empty_variable_counts_as_not_set() -> None:
    names = [f"FASTTRACK_{name.upper()}" for name in Settings.__struct_fields__]
    assert Settings.from_environment(dict.fromkeys(names, "")) == Settings()


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("FASTTRACK_MAX_ROWS", "many", "FASTTRACK_MAX_ROWS is 'many', expected a whole number, 1 or more"),
        ("FASTTRACK_MAX_ROWS", "0", "FASTTRACK_MAX_ROWS is '0', expected a whole number, 1 or more"),
        ("FASTTRACK_MAX_ROWS", "1.5", "FASTTRACK_MAX_ROWS is '1.5', expected a whole number, 1 or more"),
        (
            "FASTTRACK_MAX_BODY_BYTES",
            "16MB",
            "FASTTRACK_MAX_BODY_BYTES is '16MB', expected a whole number of bytes, 1 or more",
        ),
        (
            "FASTTRACK_RELOAD_SECONDS",
            "0",
            "FASTTRACK_RELOAD_SECONDS is '0', expected a number of seconds, more than 0 and at most 86400",
        ),
        (
            "FASTTRACK_RELOAD_SECONDS",
            "nan",
            "FASTTRACK_RELOAD_SECONDS is 'nan', expected a number of seconds, more than 0 and at most 86400",
        ),
        (
            "FASTTRACK_RELOAD_SECONDS",
            "inf",
            "FASTTRACK_RELOAD_SECONDS is 'inf', expected a number of seconds, more than 0 and at most 86400",
        ),
        (
            "FASTTRACK_ALLOW_VERSION_MISMATCH",
            "maybe",
            "FASTTRACK_ALLOW_VERSION_MISMATCH is 'maybe', expected true or false",
        ),
        ("FASTTRACK_MAX_ROW", "1", "FASTTRACK_MAX_ROW is not a setting; did you mean FASTTRACK_MAX_ROWS?"),
        ("FASTTRACK_STOER", "x", "FASTTRACK_STOER is not a setting; did you mean FASTTRACK_STORE?"),
        (
            "FASTTRACK_PORT",
            "8000",
            "FASTTRACK_PORT is not a setting; there are FASTTRACK_STORE, FASTTRACK_CACHE, FASTTRACK_MODEL, "
            "FASTTRACK_MAX_BODY_BYTES, "
            "FASTTRACK_MAX_ROWS, FASTTRACK_RELOAD_SECONDS, FASTTRACK_JOURNAL, FASTTRACK_JOURNAL_SAMPLE, "
            "FASTTRACK_JOURNAL_OMIT, FASTTRACK_JOURNAL_DAYS, FASTTRACK_JOURNAL_BYTES, FASTTRACK_METRICS_DIR, "
            "FASTTRACK_GUARDS, FASTTRACK_OBSERVERS, FASTTRACK_ALLOW_VERSION_MISMATCH",
        ),
    ],
)
def test_a_mistake_is_named_in_one_line(variable: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_environment({variable: text})
    assert str(caught.value) == message


def test_what_kubernetes_puts_into_a_container_beside_a_service_of_that_name_is_no_setting() -> None:
    links = {
        "FASTTRACK_SERVICE_HOST": "10.0.0.1",
        "FASTTRACK_SERVICE_PORT": "8000",
        "FASTTRACK_SERVICE_PORT_HTTP": "8000",
        "FASTTRACK_PORT": "tcp://10.0.0.1:8000",
        "FASTTRACK_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "FASTTRACK_PORT_8000_TCP_PROTO": "tcp",
        "FASTTRACK_PORT_8000_TCP_PORT": "8000",
        "FASTTRACK_PORT_8000_TCP_ADDR": "10.0.0.1",
        "FASTTRACK_API_SERVICE_HOST": "10.0.0.2",
        "FASTTRACK_API_PORT": "tcp://10.0.0.2:8000",
    }
    assert Settings.from_environment(links) == Settings()
