"""Options of a configuration: declared once, as a field, and offered as a TOML key, a command-line flag and a keyword.

rows: Annotated[Count | None, Option("Train on a random sample of this many rows.", metavar="N")] = None
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

__all__ = ["ConfigOption", "Option", "content_of", "fields_of", "options", "plain_type", "struct_of"]


@dataclass(frozen=True)
class Option:
    """Declares a field as an option; put it into the field's `Annotated`.

    Everything but `help` has a default that follows from the field.
    """

    help: str
    """One or two sentences, without the default, which is appended."""
    name: str = ""
    """Keyword; else the field's name."""
    flag: str = ""
    """Command-line flag; else the keyword with dashes."""
    keyword: bool = True
    """Whether it may be given as an argument, on the command line or in Python; else only in a file."""
    on_command_line: bool = True
    """Whether there is a flag."""
    in_file: bool = True
    """Whether a configuration file may have it as a key."""
    metavar: str = ""
    """Stands for the value in the command line's help."""
    default: str = ""
    """What applies when it is not given, in words; else the field's default."""
    expected: str = ""
    """What to write, for the error about a value that cannot be used; else msgspec's own words."""
    example: str = ""
    """A value in TOML, for a new configuration file; else the field's default."""
    variable: str = ""
    """Environment variable that comes before the file."""
    fallback: str = ""
    """Environment variable that comes after the file."""
    adds: bool = False
    """Whether a list or table given as an argument is added to that of the file, instead of replacing it."""
    replaces: tuple[str, ...] = ()
    """Names of options in the file that do not apply where this one is given as an argument."""
    accepts: Any = None
    """The type that Python callers may give, where it is wider than the field's."""


@dataclass(frozen=True)
class ConfigOption:
    """An option as it was found in a configuration class. `path` leads to its field: `("data", "rows")`."""

    path: tuple[str, ...]
    name: str
    declared: Option
    type: Any
    """The field's type, with its constraints."""
    default: Any
    """The field's default; `msgspec.NODEFAULT` where it must be given."""

    @property
    def key(self) -> str:
        """The dotted key in a file: `data.rows`."""
        return ".".join(self.path)

    @property
    def flag(self) -> str:
        """The flag on the command line; empty where there is none."""
        if not (self.declared.keyword and self.declared.on_command_line):
            return ""
        return self.declared.flag or "--" + self.name.replace("_", "-")

    @property
    def label(self) -> str:
        """What an error calls it: the flag, else the keyword."""
        return self.flag or self.name

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts that it, or each item of it, can be; empty where these are not listed."""
        kind = plain_type(self.type)
        if self.is_list or self.is_table:
            kind = plain_type(get_args(kind)[-1])
        return get_args(kind) if get_origin(kind) is Literal else ()

    @property
    def takes_words_or_number(self) -> bool:
        """Whether it is one of some words, or else a number."""
        kind = plain_type(self.type)
        members = get_args(kind) if get_origin(kind) is Union else ()
        return float in members and str not in members

    @property
    def is_list(self) -> bool:
        """Whether it holds several values."""
        return get_origin(plain_type(self.type)) is list

    @property
    def is_table(self) -> bool:
        """Whether it holds values by name."""
        return get_origin(plain_type(self.type)) is dict

    @property
    def default_text(self) -> str:
        """What applies when it is not given, in words; empty where that goes without saying."""
        if self.declared.default:
            return self.declared.default
        if self.default is msgspec.NODEFAULT or self.default in (None, "", [], {}):
            return ""
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)

    @property
    def help(self) -> str:
        """The help text with the default: `Number of rows (default 5).`"""
        if not self.default_text:
            return self.declared.help
        return f"{self.declared.help.removesuffix('.')} (default {self.default_text})."

    @property
    def keyword_type(self) -> Any:
        """The type of the Python keyword, without `None`: any sequence for a list, any mapping for a table."""
        if self.declared.accepts is not None:
            return self.declared.accepts
        kind = plain_type(self.type)
        if self.is_list:
            return Sequence[get_args(kind)[0]]  # type: ignore[misc]  # a type made at run time
        if self.is_table:
            return Mapping[get_args(kind)]  # type: ignore[misc]  # a type made at run time
        return kind


@functools.cache
def options(config: type[msgspec.Struct]) -> Mapping[str, ConfigOption]:
    """The options of a configuration class and of the classes of its fields, by name, in the order of the fields."""
    by_name: dict[str, ConfigOption] = {}
    for option in _walk(config, ()):
        if option.name in by_name:
            first = by_name[option.name]
            raise TypeError(f"{config.__name__}: {first.key} and {option.key} are both named {option.name}")
        by_name[option.name] = option
    return by_name


def _walk(config: type[msgspec.Struct], above: tuple[str, ...]) -> Iterator[ConfigOption]:
    for field in msgspec.structs.fields(config):
        path = (*above, field.name)
        table = struct_of(field.type)
        if table is not None:
            yield from _walk(table, path)
            continue
        declarations = [extra for extra in getattr(field.type, "__metadata__", ()) if isinstance(extra, Option)]
        if declarations:
            has_factory = field.default_factory is not msgspec.NODEFAULT
            default = field.default_factory() if has_factory else field.default
            option = declarations[-1]  # the outermost: a field may describe a shared type in its own words
            yield ConfigOption(path, option.name or field.name, option, field.type, default)


def struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """The class of a field that is a table of further fields; `None` for any other field."""
    kind = plain_type(kind)
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def plain_type(kind: Any) -> Any:
    """A type without its constraints, descriptions and `None`."""
    origin = get_origin(kind)
    if origin is Annotated:
        return plain_type(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        members = [plain_type(member) for member in get_args(kind) if member is not type(None)]
        return members[0] if len(members) == 1 else Union[tuple(members)]  # noqa: UP007  # made at run time
    return kind


def content_of(config: msgspec.Struct) -> dict[str, Any]:
    """What a file would have to say for the same configuration, as nested tables of plain values."""
    content: dict[str, Any] = {}
    for option in options(type(config)).values():
        if not option.declared.in_file:
            continue
        value: Any = config
        table = content
        for name in option.path[:-1]:
            value, table = getattr(value, name), table.setdefault(name, {})
        table[option.path[-1]] = msgspec.to_builtins(getattr(value, option.path[-1]))
    return content


def fields_of(config: msgspec.Struct) -> dict[str, Any]:
    """All fields, options or not, as nested tables of the values themselves."""
    return {
        field.name: fields_of(getattr(config, field.name)) if struct_of(field.type) else getattr(config, field.name)
        for field in msgspec.structs.fields(type(config))
    }
