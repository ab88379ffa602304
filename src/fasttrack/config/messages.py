"""What is wrong with a configuration: msgspec's errors, with the key as it is written and a suggestion."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import msgspec

from fasttrack.config.option import options, plain_type, struct_of
from fasttrack.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.config.option import ConfigOption

__all__ = ["explain", "unknown_key", "value_problem"]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STEP = re.compile(r"\.?(\w+)|\[(\d+)\]|(\[\.\.\.\])")
_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "date": "a date",
    "time": "a time",
    "datetime": "a date and time",
}


def explain(error: msgspec.ValidationError, content: dict[str, Any], config: type[msgspec.Struct]) -> str:
    """Why `content` is no `config`, with the key and, for a misspelt one, a suggestion."""
    path, text = _locate(str(error), content, config)
    key = _dotted_key(path)
    for option in options(config).values():
        if option.path == (path[:-1] if option.is_table else path):
            text = _with_expected(text, option)
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", text)
    if unknown:
        return unknown_key(unknown[1], path, config)
    text = _in_words(text)
    return text if not key or text.startswith(f"{key}.") else f"{key}: {text}"


def unknown_key(name: str, table: Sequence[str], config: type[msgspec.Struct]) -> str:
    """That the table at this path has no key `name`, and which one may be meant."""
    return f"{_dotted_key(table)}{': ' * bool(table)}unknown key `{name}`{_suggestion(name, config)}"


def value_problem(option: ConfigOption, value: Any) -> tuple[str, str] | None:
    """Which item of `value` (empty: all of it) is no value of `option`, and why; `None` if there is no problem."""
    try:
        msgspec.convert(value, option.type)
    except msgspec.ValidationError as error:
        path, text = _locate(str(error), value, option.type)
        if len(path) == (1 if option.is_table else 0):
            text = _with_expected(text, option)
        return _dotted_key(path), _in_words(text)
    return None


def _locate(message: str, value: Any, kind: Any) -> tuple[tuple[str, ...], str]:
    """Where in `value`, which should be of `kind`, msgspec's `message` found what, and the message without the place.

    In a table with arbitrary names msgspec does not say which name it was, so each is tried by itself.
    """
    place = re.search(r" - at `\$(.*)`$", message)
    if place is None:
        return (), _with_choices(message, value, kind)
    text = message[: place.start()]
    path: list[str] = []
    for step in _STEP.finditer(place[1]):
        kind = _member(plain_type(kind), value)
        if step[1]:
            kind = next(field.type for field in msgspec.structs.fields(kind) if field.name == step[1])
            value = value[step[1]]
            path.append(step[1])
        elif step[2]:
            kind, value = get_args(kind)[0], value[int(step[2])]
            path.append(f"[{step[2]}]")
        else:
            kind = get_args(kind)[1]
            for name, item in value.items():
                try:
                    msgspec.convert(item, kind)
                except msgspec.ValidationError as error:
                    inner, text = _locate(str(error), item, kind)
                    return (*path, name, *inner), text
    return tuple(path), _with_choices(text, value, kind)


def _member(kind: Any, value: Any) -> Any:
    """Of a union the member that `value` is meant to be: a struct for a table, a list for a list."""
    for member in get_args(kind) if get_origin(kind) is Union else ():
        if get_origin(plain_type(member)) is type(value) or (isinstance(value, dict) and struct_of(member)):
            return plain_type(member)
    return kind


def _with_choices(text: str, value: Any, kind: Any) -> str:
    kind = plain_type(kind)
    if not text.startswith("Invalid enum value") or get_origin(kind) is not Literal:
        return text
    choices = get_args(kind)
    return f'Expected one of {", ".join(choices)}, got "{value}"{did_you_mean(value, choices)}'


def _with_expected(text: str, option: ConfigOption) -> str:
    """`text` with the option's own words for what is expected."""
    if text.startswith("Invalid enum value") and option.declared.expected:
        return f"Expected {option.declared.expected}"
    expected = re.fullmatch(r"Expected .*?(, got .*)?", text, re.DOTALL)
    if expected is None or not option.declared.expected:
        return text
    return f"Expected {option.declared.expected}{expected[1] or ''}"


def _suggestion(key: str, config: type[msgspec.Struct]) -> str:
    """Where a key that was misspelt or put into the wrong table belongs, if that is known."""
    names = {field.name for field in msgspec.structs.fields(config) if struct_of(field.type)}
    tables = dict.fromkeys(names, "")
    for option in options(config).values():
        if option.declared.in_file:
            tables.setdefault(option.path[-1], ".".join(option.path[:-1]))
        elif option.path[-1] == key:
            return f"; it is set by {option.flag}" + (
                f" or {option.declared.variable}" * bool(option.declared.variable)
            )
    if key in tables:
        return f"; it belongs in [{tables[key]}]" if tables[key] else "; it belongs above the first [table]"
    return did_you_mean(key, tables)


def _in_words(text: str) -> str:
    """msgspec's message with the names that TOML's types have in English."""
    missing = re.fullmatch(r"Object missing required field `(.*)`", text)
    if missing:
        return f"`{missing[1]}` is missing"
    if not text.startswith("Expected "):
        return text
    text = re.sub(r"`([a-z]+(?: \| [a-z]+)*)`", lambda types: _type_words(types[1].split(" | ")), text)
    return text[:1].lower() + text[1:]


def _type_words(types: Sequence[str]) -> str:
    kinds = [kind for kind in types if kind != "null" and not (kind == "int" and "float" in types)]
    words = [_TYPES.get(kind, kind) for kind in kinds]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _dotted_key(path: Sequence[str]) -> str:
    """`("data", "odd name", "[1]")` → `data."odd name"[1]`, as TOML writes a key."""
    parts = [part if part.startswith("[") or _BARE_KEY.fullmatch(part) else json.dumps(part) for part in path]
    return ".".join(parts).replace(".[", "[")
