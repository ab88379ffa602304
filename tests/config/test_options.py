"""An option is declared once, in the configuration class: command line, file, Python and fasttrack init follow."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from fasttrack.cli.train import train_command
from fasttrack.config import ConfigOption, DataConfig, Option, PackageConfig, TrainConfig, content_of, options
from fasttrack.config.keywords import PackageOptions, TrainOptions
from fasttrack.config.option import plain_type
from fasttrack.config.signature import with_options
from fasttrack.config.template import toml_template
from fasttrack.errors import ConfigError


class DataWithMore(DataConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table, with an option that does not exist."""

    most_gaps: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=1)],
        Option("Leave out columns in which more than this fraction of the values is missing.", metavar="FRACTION"),
    ] = 0.9
    languages: Annotated[list[str], Option("Languages of text columns.", flag="--language", example='["en"]')] = []  # noqa: RUF012  # msgspec copies it


class ConfigWithMore(TrainConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training with such a table."""

    data: DataWithMore


def test_a_new_option_is_a_flag_of_the_command_line(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(train_command(ConfigWithMore))
    text = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout.replace("│", "").split())
    assert "--most-gaps FRACTION Leave out columns in which more than this fraction of the values is missing." in text
    assert "[default: (0.9)]" in text
    assert "--language" in text
    assert "Languages of text columns. Repeat it for more." in text
    arguments = [str(tmp_path / "a.csv"), "--target", "y", "--language", "en", "--most-gaps"]
    assert str(CliRunner().invoke(app, [*arguments, "2"]).exception) == "--most-gaps 2.0: expected a number <= 1.0"
    assert "a.csv does not exist" in str(CliRunner().invoke(app, [*arguments, "0.5"]).exception)


def test_a_new_option_is_a_key_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "fasttrack.toml"
    path.write_text('[data]\nsource = "a.csv"\ntarget = "y"\nmost_gaps = 0.5\nlanguages = ["en"]\n')
    config = ConfigWithMore.of(path)
    assert (config.data.most_gaps, config.data.languages) == (0.5, ["en"])
    assert content_of(config)["data"]["most_gaps"] == 0.5
    for wrong, message in (
        ("most_gap = 1", "data: unknown key `most_gap`; did you mean most_gaps?"),
        ("most_gaps = -1", "data.most_gaps: expected a number >= 0.0"),
        ("languages = [1]", "data.languages[0]: expected text, got a whole number"),
    ):
        path.write_text(f'[data]\nsource = "a.csv"\ntarget = "y"\n{wrong}\n')
        with pytest.raises(ConfigError) as caught:
            ConfigWithMore.of(path)
        assert str(caught.value) == f"{path}: {message}"


def test_a_new_option_is_a_keyword_with_its_description() -> None:
    def train(source: str, target: str | None = None, **keywords: Any) -> ConfigWithMore:
        """Train."""
        return ConfigWithMore.of(source, target=target, **keywords)

    config = with_options(train, ConfigWithMore)("a.csv", "y", most_gaps=0.25, languages=("en", "nl"))
    assert (config.data.most_gaps, config.data.languages) == (0.25, ["en", "nl"])
    parameters = inspect.signature(train).parameters
    assert list(parameters)[:2] == ["source", "target"]
    assert parameters["most_gaps"].annotation == float | None
    description = " ".join((train.__doc__ or "").split())
    assert "most_gaps: Leave out columns in which more than this fraction of the values is missing (default 0.9)." in (
        description
    )
    with pytest.raises(ConfigError, match=r"there is no option 'most_gap'; did you mean most_gaps\?"):
        train("a.csv", "y", most_gap=0.25)


def test_a_new_option_is_in_a_new_file() -> None:
    text = toml_template(ConfigWithMore, "t", {"source": "a.csv", "target": "y", "name": "a"}, {})
    assert "# Leave out columns in which more than this fraction of the values is missing.\nmost_gaps = 0.9\n" in text
    assert "# Languages of text columns.\nlanguages = []\n" in text
    content = tomllib.loads(text)
    assert msgspec.convert(content, ConfigWithMore).data.most_gaps == 0.9


def test_a_new_file_with_everything_uncommented_can_be_read(tmp_path: Path) -> None:
    text = toml_template(TrainConfig, "t", {"source": "sqlite:///a.db", "target": "y", "name": "a"}, {})
    text = re.sub(r"(?m)^# (?=\w+ = |\[)", "", text)
    path = tmp_path / "fasttrack.toml"
    path.write_text(re.sub(r"(?m)^(since|query|column) = .*$", "", text))  # not with the others
    config = TrainConfig.of(path)
    assert config.search.trials == 50
    assert config.check.refuse == ["missing", "type"]
    assert set(config.search.space) == {"model__learning_rate", "model__max_leaf_nodes", "model__max_features"}


def test_two_options_of_one_name_are_refused() -> None:
    class Twice(msgspec.Struct):
        a: Annotated[int, Option("A.", name="same")] = 0
        b: Annotated[int, Option("B.", name="same")] = 0

    with pytest.raises(TypeError, match="a and b are both named same"):
        options(Twice)


ALL = [*options(TrainConfig).values(), *options(PackageConfig).values()]


@pytest.mark.parametrize("option", ALL, ids=lambda option: option.key)
def test_every_option_is_described(option: ConfigOption) -> None:
    text = option.declared.help
    assert text.endswith(".")
    assert text[0].isupper()
    assert not option.flag or option.declared.metavar or option.choices or plain_type(option.type) is bool


def keywords(config: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: option.keyword_type for name, option in options(config).items() if option.declared.keyword}


@pytest.mark.parametrize(
    ("typed", "config", "parameters"), [(TrainOptions, TrainConfig, {"target"}), (PackageOptions, PackageConfig, set())]
)
def test_the_keywords_for_type_checkers_are_the_options(
    typed: Any, config: type[msgspec.Struct], parameters: set[str]
) -> None:
    expected = {
        name: kind if kind is Any else kind | None for name, kind in keywords(config).items() if name not in parameters
    }
    assert get_type_hints(typed) == expected
