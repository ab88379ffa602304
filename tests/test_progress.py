"""The steps of a long run reach whoever listens in this context, and the logger."""

from __future__ import annotations

import logging
import threading

import pytest

from fasttrack.progress import report_step, reporting


def test_a_listener_hears_the_steps_of_its_block_alone() -> None:
    outer: list[str] = []
    inner: list[str] = []
    report_step("before")
    with reporting(outer.append):
        report_step("first")
        with reporting(inner.append):
            report_step("second")
            other = threading.Thread(target=report_step, args=("of another thread",))
            other.start()
            other.join()
        report_step("third")
    report_step("after")
    assert (outer, inner) == (["first", "third"], ["second"])


def test_a_listener_is_forgotten_after_an_error() -> None:
    heard: list[str] = []
    with pytest.raises(ValueError, match="stop"), reporting(heard.append):
        raise ValueError("stop")
    report_step("after")
    assert heard == []


def test_the_logger_hears_every_step(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "fasttrack.progress"):
        report_step("reading 100%s.csv")
    assert caplog.messages == ["reading 100%s.csv"]
