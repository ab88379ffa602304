"""What a stored version expects of a table, and a training that stops where the table is something else."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fasttrack.errors import DataError
from fasttrack.expectations.check import check
from fasttrack.metrics.reference import Reference, read_reference
from fasttrack.store import CHAMPION, parse_spec
from fasttrack.urls import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import pyarrow as pa

    from fasttrack.bundle import Bundle
    from fasttrack.config import TrainConfig
    from fasttrack.contract.schema import Contract
    from fasttrack.expectations.findings import Findings
    from fasttrack.graph import Refusals
    from fasttrack.store import Store

__all__ = ["Expected", "expected_by", "expected_of", "hold"]

_BATCH = 65_536


@dataclass(frozen=True)
class Expected:
    """What a version was trained on, as far as its bundle tells."""

    label: str
    contract: Contract
    refusals: Refusals | None
    reference: Reference | None
    left_out: frozenset[str]
    """Columns that its own training table had, and that could not be features."""

    def check(
        self,
        batches: Iterable[pa.Table],
        *,
        written: Collection[str] = (),
        others: Sequence[str] = (),
        ignore: Collection[str] = (),
    ) -> Findings:
        """As `expectations.check`; columns to `ignore` are no news."""
        return check(
            self.contract,
            batches,
            refusals=self.refusals,
            reference=self.reference,
            known=self.left_out | set(ignore),
            written=written,
            others=others,
        )


def expected_of(bundle: Bundle) -> Expected:
    """What the version in a bundle expects. Raises BundleError for a file that was changed."""
    manifest = bundle.manifest
    return Expected(
        bundle.label,
        manifest.contract,
        manifest.refusals,
        read_reference(bundle),
        frozenset(manifest.training.left_out),
    )


def expected_by(store: Store, config: TrainConfig) -> Expected | None:
    """What the table of a training is to be checked against; `None` where its model has no champion yet.

    Raises StoreError when there is no such version, BundleError when it is damaged.
    """
    spec = config.check.against or config.name
    name, alias, _ = parse_spec(spec)
    if (name, alias) == (config.name, CHAMPION) and (name not in store.names() or store.champion(name) is None):
        return None
    return expected_of(store.open(spec))


def hold(expected: Expected, table: pa.Table, config: TrainConfig) -> None:
    """Raise DataError, in one line, when `table` has what the configuration refuses.

    Columns that are to be ignored are not missed: a training does not read them.
    """
    rule, data = config.check, config.data
    findings = expected.check(_parts(table), ignore=data.ignore)
    found = [one for one in findings.beyond(rule.refuse, rule.share) if one.column not in data.ignore]
    if not found:
        return
    called = shown(data.source)
    if data.rows is not None:  # a row of the sample has another number in the table
        called = f"a sample of {findings.rows:,} rows of {called}"
        found = [msgspec.structs.replace(one, examples=[]) for one in found]
    more = f"; and {len(found) - 1:,} more" if len(found) > 1 else ""
    reasons = ", ".join(f'"{reason}"' for reason in dict.fromkeys(one.reason for one in found))
    raise DataError(
        f"{called} is not what {expected.label} expects: {found[0]}{more}; "
        f"mend the table, or take {reasons} out of check.refuse; to see all: {_command(expected, config)}"
    )


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, len(table), _BATCH):
        yield table.slice(start, _BATCH)


def _command(expected: Expected, config: TrainConfig) -> str:
    data = config.data
    options = [f"--query={data.query}"] if data.query else [f"--table={data.table}"] if data.table else []
    options += [f"--null={null}" for null in data.nulls]
    options += [f"--kind={column}={kind}" for column, kind in data.kinds.items()]
    options += [f"--ignore={column}" for column in data.ignore]
    return shlex.join(["fasttrack", "check", shown(data.source), "--model", expected.label, *options])
