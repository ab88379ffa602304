"""`fasttrack train`: train a model on a table and put it in the store. Its options are those of `TrainConfig`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from fasttrack.cli.options import SOURCE
from fasttrack.config import TrainConfig, options
from fasttrack.config.option import ConfigOption, plain_type
from fasttrack.errors import ConfigError

__all__ = ["train", "train_command"]


def train_command(config_class: type[TrainConfig] = TrainConfig) -> Callable[..., None]:
    """The function behind `fasttrack train`, with a parameter for each option of `config_class` that has a flag."""
    flags = {name: option for name, option in options(config_class).items() if option.flag}

    def train(source: str, **values: Any) -> None:
        """Train a model on a table and put it into the store."""
        from fasttrack.console import Progress, show_outcome
        from fasttrack.jobs import train as run
        from fasttrack.progress import reporting

        given = {name: _parsed(flags[name], value) for name, value in values.items()}
        with Progress() as progress, reporting(progress.tell):
            config = config_class.of(source, **given)
            outcome = run(config)
        show_outcome(outcome, config.store)

    argument = Annotated[str, typer.Argument(help=f"{SOURCE}. Or a fasttrack.toml, or journal.")]
    source = inspect.Parameter("source", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=argument)
    parameters = [source, *(_parameter(option) for option in flags.values())]
    train.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    train.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": None}
    return train


def _parameter(option: ConfigOption) -> inspect.Parameter:
    """The option as Typer wants it: unset is `None`, so that environment, file and defaults come after it."""
    kind = plain_type(option.type)
    if option.is_list or option.is_table:
        kind = list[str]
    elif kind not in (int, float, bool):
        kind = str
    several = " May be repeated." if option.is_list or option.is_table else ""
    declared = typer.Option(
        option.flag,
        help=option.help + several,
        metavar=option.declared.metavar or "|".join(option.choices) or None,
        rich_help_panel=_panel(option),
    )
    annotation = Annotated[kind | None, declared]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _panel(option: ConfigOption) -> str | None:
    """The heading that the option stands under: its table in a file."""
    return option.path[0].capitalize() if len(option.path) > 1 else None


def _parsed(option: ConfigOption, value: Any) -> Any:
    """The value of a flag as the configuration takes it: `COLUMN=KIND` as a table. Raises ConfigError."""
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
