"""What a stored version expects of a table, and the check that stops a training on an unexpected table."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fasttrack.errors import DataError
from fasttrack.expectations.check import check
from fasttrack.metrics.reference import Reference, read_reference
from fasttrack.store import CHAMPION, parse_spec
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import pyarrow as pa

    from fasttrack.bundle import Bundle
    from fasttrack.config import TrainConfig
    from fasttrack.contract.schema import Contract
    from fasttrack.expectations.result import CheckResult
    from fasttrack.graph import InputRules
    from fasttrack.store import Store

__all__ = ["Expectation", "bundle_expectation", "check_training_table", "training_expectation"]

_BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Expectation:
    """What a version was trained on, as far as its bundle says."""

    label: str
    contract: Contract
    refusals: InputRules | None
    reference: Reference | None
    left_out: frozenset[str]
    """Columns of its own training table that could not be features."""

    def check(
        self,
        batches: Iterable[pa.Table],
        *,
        untyped: Collection[str] = (),
        unread: Sequence[str] = (),
        ignore: Collection[str] = (),
    ) -> CheckResult:
        """As `expectations.check`; columns in `ignore` are not reported as new."""
        return check(
            self.contract,
            batches,
            refusals=self.refusals,
            reference=self.reference,
            known=self.left_out | set(ignore),
            untyped=untyped,
            unread=unread,
        )


def bundle_expectation(bundle: Bundle) -> Expectation:
    """What the version in a bundle expects. Raises BundleError for a file that was changed."""
    manifest = bundle.manifest
    return Expectation(
        bundle.label,
        manifest.contract,
        manifest.refusals,
        read_reference(bundle),
        frozenset(manifest.training.left_out),
    )


def training_expectation(store: Store, config: TrainConfig) -> Expectation | None:
    """What the table of a training is checked against; `None` if its model has no champion yet.

    Raises StoreError when the configured version does not exist, BundleError when it is damaged.
    """
    spec = config.check.against or config.name
    name, alias, _ = parse_spec(spec)
    is_own_champion = (name, alias) == (config.name, CHAMPION)
    if is_own_champion and (name not in store.names() or store.alias(name, CHAMPION) is None):
        return None
    return bundle_expectation(store.open(spec))


def check_training_table(expectation: Expectation, table: pa.Table, config: TrainConfig) -> None:
    """Raise DataError, in one line, when `table` has what the configuration refuses.

    Ignored columns may be missing: a training does not read them.
    """
    rule, data = config.check, config.data
    result = expectation.check(_batches(table), ignore=data.ignore)
    refused = [finding for finding in result.beyond(rule.refuse, rule.share) if finding.column not in data.ignore]
    if not refused:
        return
    name = redact_url(data.source)
    if data.rows is not None:  # a row of the sample has another number in the table
        name = f"a sample of {result.rows:,} rows of {name}"
        refused = [msgspec.structs.replace(finding, examples=[]) for finding in refused]
    more = f"; and {len(refused) - 1:,} more" if len(refused) > 1 else ""
    reasons = ", ".join(f'"{reason}"' for reason in dict.fromkeys(finding.reason for finding in refused))
    raise DataError(
        f"{name} is not what {expectation.label} expects: {refused[0]}{more}; "
        f"fix the table, or remove {reasons} from check.refuse; to list all findings: {_command(expectation, config)}"
    )


def _batches(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, len(table), _BATCH_ROWS):
        yield table.slice(start, _BATCH_ROWS)


def _command(expectation: Expectation, config: TrainConfig) -> str:
    data = config.data
    options = [f"--query={data.query}"] if data.query else [f"--table={data.table}"] if data.table else []
    options += data.reading.flags()
    options += [f"--null={null}" for null in data.nulls]
    options += [f"--kind={column}={kind}" for column, kind in data.kinds.items()]
    options += [f"--ignore={column}" for column in data.ignore]
    return shlex.join(["fasttrack", "check", redact_url(data.source), "--model", expectation.label, *options])
