"""The model that serves: loaded whole before it answers, replaced in one step when another version is promoted."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fasttrack.errors import FastTrackError, StoreError, StoreUnreachable
from fasttrack.metrics.reference import read_reference
from fasttrack.scoring.model import open_model
from fasttrack.scoring.open import find_bundle
from fasttrack.serving.reply import ReplyWriter
from fasttrack.store import CHAMPION, open_store, parse_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.bundle import Bundle
    from fasttrack.journal import Journal, Recorder
    from fasttrack.metrics.serving import ServingMetrics
    from fasttrack.scoring.model import ScoringModel
    from fasttrack.scoring.observer import Observer
    from fasttrack.settings import Settings
    from fasttrack.store import Store

__all__ = ["LiveModel", "ModelHolder"]

_log = logging.getLogger("fasttrack")


@dataclass(frozen=True, slots=True)
class LiveModel:
    """All that answering a request needs: the model, who observes its runs, and how replies are written.

    `recorder`: takes the rows into the journal and gives them their ids.
    """

    model: ScoringModel
    writer: ReplyWriter
    observers: Sequence[Observer]
    recorder: Recorder | None = None


class ModelHolder:
    """Owns the model that serves. A request takes `current` once and keeps it to its end, whatever is promoted.

    Predictions are recorded in `journal`; the counters of `metrics` and `observers` know of each run.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: ServingMetrics,
        journal: Journal | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._metrics = metrics
        self._observers = tuple(observers)
        self._live: LiveModel | None = None

    @property
    def current(self) -> LiveModel:
        """The model that serves now. Raises StoreError before the first is loaded."""
        if self._live is None:
            raise StoreError("no model is loaded yet")
        return self._live

    @property
    def spec(self) -> str:
        """The model to serve, as the setting `model` names one."""
        return self._settings.model or self.current.model.name

    def load(self) -> None:
        """Load the first model, score a row with it and let it serve; does nothing if that was done.

        Raises StoreError or BundleError saying what is missing or damaged.
        """
        if self._live is None:
            store = open_store(self._settings.store, cache=self._settings.cache)
            live = self._prepare(find_bundle(store, self._settings.model))
            if self._settings.model is None:
                # "the model promoted last" decides at the start only: a running server stays with its model
                self._settings = msgspec.structs.replace(self._settings, model=live.model.name)
            self._put(live)

    async def follow(self) -> None:
        """Replace the model whenever its alias moves, until cancelled.

        A version that cannot be loaded never serves: it is logged and counted, and the present one goes on.
        """
        store = open_store(self._settings.store, cache=self._settings.cache)
        spec = parse_spec(self.spec)
        if spec.alias is None:
            return  # pinned to one version
        # no state is known yet, so the first look also finds what was promoted since the model was loaded
        state: object = None
        reachable, last_reason = True, ""
        while True:
            await asyncio.sleep(self._settings.reload_seconds)
            latest = state
            try:
                latest = await asyncio.to_thread(store.pointer_state, spec.name, spec.alias)
                if not reachable:
                    _log.info("store %s answers again", store.location)
                reachable = True
                if latest == state:
                    continue
                live = await asyncio.to_thread(self._load_promoted, store, spec.name, spec.alias)
            except StoreUnreachable as error:
                if reachable:  # logged once, not every second
                    self._report_failure("%s", error)
                reachable = False
                continue
            except Exception as error:  # noqa: BLE001  # whatever was promoted, the model that serves goes on
                reason = str(error) if isinstance(error, FastTrackError) else f"{type(error).__name__}: {error}"
                if latest != state:
                    self._report_failure("the promoted version cannot be loaded: %s", reason)
                elif reason != last_reason:  # the store refuses, which it may do each second
                    self._report_failure("%s", reason)
                state, last_reason = latest, reason
                continue
            state, last_reason = latest, ""
            if live is not None:
                _log.info("now serving %s instead of %s", live.model.label, self.current.model.label)
                self._put(live)

    def _prepare(self, bundle: Bundle) -> LiveModel:
        # Requests and workers run in parallel already. scikit-learn's loops read this when they are first imported.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        settings = self._settings
        mismatch = settings.allow_version_mismatch
        model = open_model(bundle, max_rows=settings.max_rows, allow_version_mismatch=mismatch)
        model.probe()
        name, version, contract = model.name, model.version, model.contract
        recorder = None if self._journal is None else self._journal.recorder(name, version, contract)
        counters = self._metrics.counters(name, version, read_reference(bundle))
        drift = () if counters.drift is None else (counters.drift,)
        writer = ReplyWriter(contract, bundle.label)
        return LiveModel(model, writer, (counters, *drift, *self._observers), recorder)

    def _load_promoted(self, store: Store, name: str, alias: str) -> LiveModel | None:
        """The version that the alias means, ready to serve; None if it serves already.

        A challenger that became champion is the challenger no longer, and still serves.
        """
        version = store.alias(name, alias)
        if version == self.current.model.version or (version is None and alias != CHAMPION):
            return None
        return self._prepare(store.open(self.spec))

    def _report_failure(self, reason: str, *details: object) -> None:
        self._metrics.count_reload_failure()
        _log.error("kept %s: " + reason, self.current.model.label, *details)

    def _put(self, live: LiveModel) -> None:
        manifest = live.model.bundle.manifest
        self._metrics.show_model(manifest.name, manifest.version, live.model.engine.name, manifest.metrics)
        self._live = live
