"""The model that serves: loaded whole before it answers, swapped in one step when another version is promoted."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fasttrack.contract.decode import Decoder
from fasttrack.contract.openapi import example_row
from fasttrack.errors import FastTrackError, StoreError, StoreUnreachable
from fasttrack.metrics.reference import read_reference
from fasttrack.scoring.open import engine_of
from fasttrack.serving.reply import ReplyWriter
from fasttrack.store import CHAMPION, open_store, parse_spec

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle
    from fasttrack.journal import Journal, Recorder
    from fasttrack.metrics.serving import ModelCounters, ServingMetrics
    from fasttrack.scoring.engine import Engine
    from fasttrack.settings import Settings
    from fasttrack.store import Store

__all__ = ["ModelSlot", "ServedModel", "load_model"]

_log = logging.getLogger("fasttrack")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A bundle, opened and ready: everything that answering one request needs."""

    bundle: Bundle
    decoder: Decoder
    engine: Engine
    writer: ReplyWriter
    counters: ModelCounters
    recorder: Recorder | None = None

    @property
    def label(self) -> str:
        """`name@version`, as replies carry it."""
        return self.bundle.label

    def probe(self) -> None:
        """Score the contract's example row; raises what scoring raises."""
        self.engine.score(self.decoder.row(example_row(self.bundle.manifest.contract)))


def load_model(settings: Settings, metrics: ServingMetrics, journal: Journal | None = None) -> ServedModel:
    """Open the bundle that the settings name, load its engine, and score one row with it.

    Its predictions are recorded in `journal`. A store that does not answer is no reason not to serve what it gave last.

    Raises StoreError or BundleError saying what is missing or damaged.
    """
    store = open_store(settings.store, cache=settings.cache)
    try:
        spec = settings.model or store.latest()
        if spec is None:
            raise StoreError(
                f"store {settings.store} has no model to serve; train one first: "
                "python src/train.py, or fasttrack train DATA --target COLUMN"
            )
        bundle = store.open(spec)
    except StoreUnreachable as error:
        found = store.last_opened(settings.model)
        if found is None:
            raise
        bundle = found
        _log.warning("serving %s, the last that was opened here: %s", bundle.label, error)
    return _prepare(bundle, settings, metrics, journal)


def _prepare(bundle: Bundle, settings: Settings, metrics: ServingMetrics, journal: Journal | None) -> ServedModel:
    manifest = bundle.manifest
    model = ServedModel(
        bundle,
        Decoder(manifest.contract, max_rows=settings.max_rows),
        _engine(bundle, settings),
        ReplyWriter(manifest.contract, bundle.label),
        metrics.counters(manifest.name, manifest.version, read_reference(bundle)),
        None if journal is None else journal.recorder(manifest.name, manifest.version, manifest.contract),
    )
    model.probe()
    return model


def _engine(bundle: Bundle, settings: Settings) -> Engine:
    # Requests and workers are the unit of parallelism. scikit-learn's own loops read this when they are first imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return engine_of(bundle, allow_version_mismatch=settings.allow_version_mismatch)


class ModelSlot:
    """Owns the model that serves. A request takes `current` once and keeps it to its end, whatever is promoted."""

    def __init__(self, settings: Settings, metrics: ServingMetrics, journal: Journal | None = None) -> None:
        self._settings = settings
        self._journal = journal
        self._metrics = metrics
        self._model: ServedModel | None = None

    @property
    def current(self) -> ServedModel:
        """The model that serves now."""
        if self._model is None:
            raise StoreError("no model is loaded yet")
        return self._model

    @property
    def spec(self) -> str:
        """What is to be served, in the words of the setting `model`."""
        return self._settings.model or self.current.bundle.manifest.name

    def load(self) -> None:
        """Load the first model and let it serve; nothing to do when that was done. Raises StoreError or BundleError."""
        if self._model is None:
            model = load_model(self._settings, self._metrics, self._journal)
            if self._settings.model is None:
                # the model promoted last is for the start only: a running server never turns into another model
                self._settings = msgspec.structs.replace(self._settings, model=model.bundle.manifest.name)
            self._put(model)

    async def follow(self) -> None:
        """Swap the model whenever its alias moves, until cancelled. A version that cannot be loaded never serves."""
        store = open_store(self._settings.store, cache=self._settings.cache)
        spec = parse_spec(self.spec)
        if spec.alias is None:
            return  # pinned to one version
        # nothing seen yet: the first look also finds what was promoted since the model was loaded
        seen: object = None
        answers, told = True, ""
        while True:
            await asyncio.sleep(self._settings.reload_seconds)
            state = seen
            try:
                state = await asyncio.to_thread(store.pointer_state, spec.name, spec.alias)
                if not answers:
                    _log.info("store %s answers again", store.location)
                answers = True
                if state == seen:
                    continue
                model = await asyncio.to_thread(self._promoted, store, spec.name, spec.alias)
            except StoreUnreachable as error:
                if answers:  # said once, not every second
                    self._failed("%s", error)
                answers = False
                continue
            except Exception as error:  # noqa: BLE001  # whatever was promoted, the model that serves goes on
                reason = str(error) if isinstance(error, FastTrackError) else f"{type(error).__name__}: {error}"
                if state != seen:
                    self._failed("the promoted version cannot be loaded: %s", reason)
                elif reason != told:  # the store refuses, which it may do each second
                    self._failed("%s", reason)
                seen, told = state, reason
                continue
            seen, told = state, ""
            if model is not None:
                _log.info("now serving %s instead of %s", model.label, self.current.label)
                self._put(model)

    def _promoted(self, store: Store, name: str, alias: str) -> ServedModel | None:
        """The version that the alias means, ready to serve; `None` if it serves already.

        A challenger that became champion is the challenger no longer, and still serves.
        """
        version = store.alias(name, alias)
        if version == self.current.bundle.manifest.version or (version is None and alias != CHAMPION):
            return None
        return _prepare(store.open(self.spec), self._settings, self._metrics, self._journal)

    def _failed(self, reason: str, *details: object) -> None:
        self._metrics.reload_failed()
        _log.error("kept %s: " + reason, self.current.label, *details)

    def _put(self, model: ServedModel) -> None:
        manifest = model.bundle.manifest
        self._metrics.serving(manifest.name, manifest.version, model.engine.name, manifest.metrics)
        self._model = model
