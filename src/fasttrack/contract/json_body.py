"""A request's body as a JSON value, or what is wrong with the text."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from fasttrack.contract.refusal import RefusedRequest

__all__ = ["parse_json"]

_DIGITS = 400
"""A number with more digits than this is past float64, whatever they are."""


def parse_json(body: bytes) -> Any:
    """The JSON value of `body`; a number past float64 becomes infinite. Raises RefusedRequest for any other text."""
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError:
        pass  # well-formed so far, with a number past float64: the standard library reads it, the cell check names it
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise _malformed(body, error) from None
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant, parse_int=_whole_number)
        msgspec.json.encode(value)  # finds half a character (a lone surrogate), which the standard library lets pass
    except (ValueError, RecursionError) as error:
        raise _malformed(body, error) from None
    return value


def _whole_number(digits: str) -> float:
    return int(digits) if len(digits) <= _DIGITS else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _malformed(body: bytes, error: Exception) -> RefusedRequest:
    if not body.strip():
        return RefusedRequest("malformed", 'the body is empty; send JSON such as {"column": value}')
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        detail = f"the body is not UTF-8 text at byte {wrong.start}; encode it as UTF-8"
        return RefusedRequest("malformed", detail)
    if body.startswith(b"\xef\xbb\xbf"):
        return RefusedRequest("malformed", "the body begins with a byte order mark; send the JSON without it")
    if isinstance(error, RecursionError):
        return RefusedRequest("malformed", "the body is nested too deeply; a row is an object of plain values")
    if "truncated" in str(error):
        return RefusedRequest("malformed", "the body ends before its JSON does; send all of it")
    match = re.search(r"byte (\d+)|char (\d+)", str(error))
    place = f" near byte {match.group(1) or match.group(2)}" if match else ""
    detail = f"the body is not valid JSON{place}; put names and text in double quotes, write null for NaN"
    return RefusedRequest("malformed", detail)
