"""A new configuration file: every option with its description, set or commented out."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.config.option import options, struct_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.config.option import ConfigOption

__all__ = ["toml_template"]

_WIDTH = 100


def toml_template(
    config: type[msgspec.Struct], title: str, values: Mapping[str, Any], notes: Mapping[str, Sequence[str]]
) -> str:
    """The text of a TOML file with all options of `config` that a file may have, in the order of its fields.

    `values` and `notes` are by the options' names. A value replaces the default; an option without either is commented
    out, as is a table whose first option is. The notes of an option follow its description as comments; for an option
    that is a table they are its lines.
    """
    in_file = {name: option for name, option in options(config).items() if option.declared.in_file}
    given = {name: value for name, value in values.items() if value is not None}
    lines = [f"# {title}"]
    for name, option in in_file.items():
        if len(option.path) == 1:
            lines += ["", *_entry(option, given.get(name), notes.get(name, ()))]
    for field in msgspec.structs.fields(config):
        table = struct_of(field.type)
        inner = {name: option for name, option in in_file.items() if option.path[0] == field.name}
        if table is None or not inner:
            continue
        first = next(iter(inner))
        commented = (
            first not in given and not inner[first].default_text and inner[first].default is not msgspec.NODEFAULT
        )
        lines += ["", "", *_comments((table.__doc__ or "").split("\n\n")[0]), f"{'# ' * commented}[{field.name}]"]
        entries = sorted(inner.items(), key=lambda item: item[1].is_table)
        for name, option in entries:
            lines += ["", *_entry(option, given.get(name), notes.get(name, ()), commented=commented)]
    return "\n".join(lines) + "\n"


def _entry(option: ConfigOption, value: Any, notes: Sequence[str], *, commented: bool = False) -> list[str]:
    key = option.path[-1]
    if option.is_table:
        lines = _comments(option.help)
        examples = [*notes, *option.declared.example.splitlines()]
        return [*lines, f"{'# ' * (commented)}[{option.key}]", *(f"# {line}" for line in examples)]
    if value is None and option.default is not msgspec.NODEFAULT and not commented:
        value = option.default
    if value is None or value == "":
        example = option.declared.example or (_toml(option.default) if option.default is not None else "...")
        return [*_comments(option.help), *(f"# {note}" for note in notes), f"# {key} = {example}"]
    return [*_comments(option.declared.help), *(f"# {note}" for note in notes), f"{key} = {_toml(value)}"]


def _comments(text: str) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def _toml(value: Any) -> str:
    """A value that TOML and JSON write alike."""
    return json.dumps(value, ensure_ascii=False)
