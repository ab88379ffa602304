"""Live quality: the metrics of labelled predictions, by version and window, next to those of the hold-out."""

from __future__ import annotations

import html
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.errors import FastTrackError
from fasttrack.journal import existing_journal
from fasttrack.journal.quality import live_quality
from fasttrack.metrics.reference import read_reference
from fasttrack.settings import Settings
from fasttrack.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.bundle import Manifest
    from fasttrack.journal.quality import LiveQuality
    from fasttrack.store import Store

__all__ = ["VersionQuality", "quality"]


@dataclass(frozen=True, repr=False)
class VersionQuality:
    """The live quality of one version."""

    model: str
    version: str
    windows: list[LiveQuality]
    """The last hour, 24 hours and 7 days."""
    manifest: Manifest | None
    """With the metrics on the hold-out; `None` if the version is no longer in the store."""
    calibrated: bool
    """Whether the probabilities were calibrated on the hold-out, so that `estimated` metrics can be trusted."""

    @property
    def label(self) -> str:
        """`name@version`."""
        return f"{self.model}@{self.version}"

    def __repr__(self) -> str:
        parts = [f"<quality of {self.label}"]
        for window in self.windows:
            value = window.figures.get(window.metric)
            measured = f"{window.metric} {value:.5g}, " if value is not None else ""
            parts.append(f"{window.window}: {measured}{window.labelled:,} of {window.predictions:,} labelled")
        return "; ".join(parts) + ">"

    def _repr_html_(self) -> str:
        names = list(dict.fromkeys(name for window in self.windows for name in window.figures))
        heading = "".join(f"<th>{html.escape(name)}</th>" for name in ("last", "predictions", "labelled", *names))
        rows = [
            [window.window, f"{window.predictions:,}", f"{window.labelled:,} ({window.coverage:.0%})"]
            + [f"{window.figures[name]:.5g}" if name in window.figures else "" for name in names]
            for window in self.windows
        ]
        if self.manifest is not None:
            metrics = self.manifest.metrics
            values = [f"{metrics[name].value:.5g}" if name in metrics else "" for name in names]
            rows.append(["hold-out", f"{self.manifest.training.holdout_rows:,}", "", *values])
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        table = f"<table><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p><b>{html.escape(self.label)}</b></p>{table}"


def quality(
    model: str | None = None, *, store: str | Path | None = None, journal: str | None = None
) -> list[VersionQuality]:
    """The live quality of each version, of `model` or of all models, that predicted in the last 7 days.

    `store` defaults to FASTTRACK_STORE, then to `model`; `journal` to FASTTRACK_JOURNAL, then to the one in the store.
    Raises ConfigError when there is no journal or its address cannot be used, StoreError when it does not answer.
    """
    settings = Settings.from_environment()
    location = str(settings.store if store is None else store)
    opened = open_store(location)
    with existing_journal(journal or settings.journal, location) as database:
        windows = [window for window in live_quality(database, time.time()) if model in (None, window.model)]
    versions = dict.fromkeys((window.model, window.version) for window in windows)
    return [
        VersionQuality(
            *key, [window for window in windows if (window.model, window.version) == key], *_find_manifest(opened, *key)
        )
        for key in versions
    ]


def _find_manifest(store: Store, model: str, version: str) -> tuple[Manifest | None, bool]:
    """The version's manifest if it is still in the store, and whether its probabilities are calibrated."""
    try:
        bundle = store.open(f"{model}@{version}")
        reference = read_reference(bundle)
    except FastTrackError:
        return None, False
    return bundle.manifest, reference is not None and reference.calibrated
