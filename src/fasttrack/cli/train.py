"""`fasttrack train`: train a model on a table and put it in the store. Its options are those of `TrainConfig`."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from fasttrack.cli.options import SOURCE
from fasttrack.cli.outcome import print_outcome
from fasttrack.cli.progress_display import StepDisplay
from fasttrack.config import TrainConfig, options
from fasttrack.config.option import ConfigOption, plain_type
from fasttrack.errors import ConfigError
from fasttrack.progress import reporting

__all__ = ["train", "train_command"]


def train_command(config_class: type[TrainConfig] = TrainConfig) -> Callable[..., None]:
    """The function behind `fasttrack train`, with a parameter for each option of `config_class` that has a flag."""
    flags = {name: option for name, option in options(config_class).items() if option.flag}

    def train(source: str, **values: Any) -> None:
        """Train a model on a table and put it into the store."""
        from fasttrack.jobs import train as train_model

        arguments = {name: _parse(flags[name], value) for name, value in values.items()}
        with StepDisplay() as display, reporting(display.begin):
            config = config_class.of(source, **arguments)
            outcome = train_model(config)
        print_outcome(outcome, config.store)

    argument = Annotated[
        str, typer.Argument(metavar="SOURCE", help=f"The table: {SOURCE}; or a fasttrack.toml; or journal.")
    ]
    source = inspect.Parameter("source", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=argument)
    parameters = [source, *(_parameter(option) for option in flags.values())]
    train.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    train.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": None}
    return train


def _parameter(option: ConfigOption) -> inspect.Parameter:
    """The option for Typer: `None` if it is not given, so that the environment, the file and the default apply."""
    kind: Any = plain_type(option.type)
    if option.is_list or option.is_table:
        kind = list[str]
    elif kind not in (int, float, bool):
        kind = str
    several = " Repeat it for more." if option.is_list or option.is_table else ""
    flag = f"{option.flag}/--no-{option.flag.removeprefix('--')}" if kind is bool else option.flag
    declared = typer.Option(
        flag,
        help=option.declared.help + several,
        show_default=option.default_text or "none",
        metavar=option.declared.metavar or "|".join(option.choices) or None,
        rich_help_panel=_panel(option),
    )
    annotation = Annotated[kind | None, declared]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _panel(option: ConfigOption) -> str | None:
    """The heading of the option in the help: its table in a file."""
    return option.path[0].capitalize() if len(option.path) > 1 else None


def _parse(option: ConfigOption, value: Any) -> Any:
    """The value of a flag for the configuration: `COLUMN=KIND` becomes a table, and `0.3` a number where words are
    taken beside numbers. Raises ConfigError."""
    if isinstance(value, str) and option.takes_words_or_number:
        with contextlib.suppress(ValueError):
            return float(value)
    if not (option.is_table and value):
        return value or None if isinstance(value, list) else value
    table = {}
    for pair in value:
        name, equals, item = pair.rpartition("=")
        if not equals:
            raise ConfigError(f"{option.flag} {pair}: write {option.declared.metavar}")
        table[name] = item
    return table


train = train_command()
