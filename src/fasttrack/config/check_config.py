"""Which findings a training makes about its table, and which of them stop it before anything is fitted."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fasttrack.config.option import Option
from fasttrack.contract.finding import FindingCode

__all__ = ["CheckConfig", "CheckReason"]

CheckReason = Literal["missing", "type", "range", "unseen", "new"]
"""How a table can differ from what a model expects."""


class CheckConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to look for in the table, and when to stop before fitting."""

    refuse: Annotated[
        list[CheckReason],
        Option(
            "Stop before fitting if columns or values are missing (missing), have another type (type), are outside the "
            "training range (range) or unseen (unseen), or if there are new columns (new).",
            name="check_refuse",
            metavar="REASON",
            example='["missing", "type"]',
        ),
    ] = []
    against: Annotated[
        Annotated[str, msgspec.Meta(min_length=1)] | None,
        Option(
            "Model to check the table against: NAME, NAME@champion or NAME@VERSION.",
            name="check_against",
            metavar="MODEL",
            default="the champion of the same name",
            example='"..."',
        ),
    ] = None
    share: Annotated[
        float,
        msgspec.Meta(ge=0, lt=1),
        Option(
            "Fraction of the rows that one finding may affect without stopping the training.",
            name="check_share",
            metavar="FRACTION",
        ),
    ] = 0.0
    leaks: Annotated[
        Literal["caution", "refuse"],
        Option(
            "What to do about columns that give the target away: caution, or refuse, which stops before fitting.",
            metavar="RULE",
        ),
    ] = "caution"
    skip: Annotated[
        list[FindingCode],
        Option(
            "Codes of findings to switch off, such as FT103.",
            name="check_skip",
            metavar="CODE",
            adds=True,
            example='["FT103"]',
        ),
    ] = []

    def __post_init__(self) -> None:
        if (self.against is not None or self.share) and not self.refuse:
            raise ValueError('`refuse` is missing; write what stops a training, such as ["missing", "type"]')
