"""What a column's name says about it: whether it names a time, a rank, an entity, or something made from the target."""

from __future__ import annotations

import re

__all__ = ["is_entity", "is_from_target", "is_moment", "is_place", "is_rank", "is_time", "name_tokens"]

_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zà-ÿ]+|[0-9]+")
_TIME_WORDS = """
year years yr month months week weeks day days hour hours minute minutes second seconds date dates datetime time times
timestamp epoch quarter age jahr monat woche tag datum zeit
"""
_MOMENT = {"year", "yr", "jahr", "date", "datetime", "timestamp", "epoch", "time", "datum"}
_PLACE = {"zip", "zipcode", "postcode", "postal", "plz", "fips", "county", "region", "state", "country", "airport"}
_RANK_WORDS = "rank ranking position place level score order step trial iteration cycle depth dose distance"
_ENTITY_WORDS = """
customer client user patient subject person participant respondent member account player employee student pupil session
device machine sensor household driver passenger borrower applicant author reviewer kunde
"""
_MADE_WORDS = """
encoded enc encoding pred preds prediction predictions predicted prob probability proba mean avg target label labels
class bin bucket cat code log log10 sqrt scaled norm normalized normalised outcome result
"""
_TIME, _RANK = frozenset(_TIME_WORDS.split()), frozenset(_RANK_WORDS.split())
_ENTITY, _MADE = frozenset(_ENTITY_WORDS.split()), frozenset(_MADE_WORDS.split())
_ID = {"id", "ids", "uuid", "guid", "key"}
_NUMBER = {"no", "nr", "num", "number", "code"}
_OUTPUTS = {("target", "encoded"), ("y", "pred"), ("y", "true"), ("y", "prob"), ("prediction",), ("predicted",)}


def name_tokens(name: str) -> list[str]:
    """The words of a column's name, in lower case: `customerNumber` and `customer_number` have the same two."""
    return [token.lower() for token in _TOKENS.findall(name)]


def is_time(name: str) -> bool:
    """Whether a column is called after a time or a duration."""
    return not _TIME.isdisjoint(name_tokens(name))


def is_moment(name: str) -> bool:
    """Whether a column is called after a point in time: a year, a date."""
    return not _MOMENT.isdisjoint(name_tokens(name))


def is_rank(name: str) -> bool:
    """Whether whole numbers of this name have a meaning although each occurs once, such as ranks and steps."""
    tokens = name_tokens(name)
    return not _RANK.isdisjoint(tokens) and tokens[-1] not in _ID | _NUMBER


def is_entity(name: str) -> bool:
    """Whether a column is called after what several rows may be about: an id, a customer, a patient."""
    tokens = name_tokens(name)
    if not tokens or is_place(name):
        return False
    described = len(tokens) == 1 or (len(tokens) == 2 and tokens[1] in {*_NUMBER, "name"})
    return tokens[-1] in _ID or (tokens[0] in _ENTITY and described)


def is_place(name: str) -> bool:
    """Whether a column is called after a place, such as a postcode: its codes are not ids of entities."""
    return not _PLACE.isdisjoint(name_tokens(name))


def is_from_target(name: str, target: str) -> bool:
    """Whether a column's name says that it was made from the target, such as `price_encoded` or `log_price`."""
    tokens, wanted = name_tokens(name), name_tokens(target)
    if tuple(tokens) in _OUTPUTS:
        return True
    if not wanted or len(tokens) <= len(wanted):
        return False
    for start in range(len(tokens) - len(wanted) + 1):
        if tokens[start : start + len(wanted)] == wanted:
            return set(tokens[:start] + tokens[start + len(wanted) :]) <= _MADE
    return False
