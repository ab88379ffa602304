"""A release: one version, a tag that names it, an entry in CHANGELOG.md, and wheel and sdist that hold the package."""

from __future__ import annotations

import re
import subprocess
import tarfile
import tomllib
from datetime import date
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

from tests.integration.real import bare_environment

ROOT = Path(__file__).parent.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
ENTRIES = re.findall(r"^## \[(.+?)\](?: - (.+))?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, env=bare_environment(), capture_output=True, text=True, timeout=60)


def test_the_changelog_has_an_entry_with_a_date_for_each_version_from_0_1_0_on_newest_first() -> None:
    (unreleased, no_date), *released = ENTRIES
    assert (unreleased, no_date) == ("Unreleased", "")
    versions = [Version(version) for version, _ in released]
    assert versions == sorted(versions, reverse=True)
    assert versions[-1] == Version("0.1.0")
    assert Version(VERSION) in versions
    dates = [date.fromisoformat(day) for _, day in released]
    assert dates == sorted(dates, reverse=True)


def test_the_version_is_written_in_one_place() -> None:
    assert metadata.version("fasttrack-mlops") == VERSION
    places = [*ROOT.glob("src/**/*.py"), ROOT / "Dockerfile", ROOT / "Makefile", ROOT / ".github/workflows/ci-cd.yml"]
    assert [place for place in places if re.search(rf"\b{re.escape(VERSION)}\b", place.read_text())] == []


def test_the_image_is_built_with_the_version() -> None:
    for target in ("image", "image-archive"):
        assert f"--build-arg VERSION='{VERSION}'" in make("--dry-run", target).stdout


def test_a_release_needs_the_tag_of_its_version() -> None:
    done = make("release-check", "TAG=v0.0.1")
    assert done.returncode != 0
    assert f"no tag v{VERSION} here, which is the version in pyproject.toml" in done.stderr
    assert make("release-check", f"TAG=v{VERSION}").returncode == 0


def test_a_release_needs_an_entry_in_the_changelog() -> None:
    done = make("release-check", "VERSION=99.0.0", "TAG=v99.0.0")
    assert done.returncode != 0
    assert "CHANGELOG.md has no entry [99.0.0]; write one" in done.stderr


def test_the_notes_of_a_release_are_its_entry() -> None:
    notes = make("release-notes", "VERSION=0.1.0").stdout
    assert notes.lstrip().startswith("### Added\n- `fasttrack train` for any CSV")
    assert "## [" not in notes


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make package` fills."""
    folder = tmp_path_factory.mktemp("dist")
    done = make("package", f"DIST={folder}")
    assert done.returncode == 0, done.stderr
    return folder


def test_wheel_and_sdist_are_built_together(built: Path) -> None:
    stem = f"fasttrack_mlops-{VERSION}"
    assert {path.name for path in built.iterdir() if path.suffix in (".whl", ".gz")} == {
        f"{stem}-py3-none-any.whl",
        f"{stem}.tar.gz",
    }
    with tarfile.open(built / f"{stem}.tar.gz") as archive:
        held = {Path(name).relative_to(stem).parts[0] for name in archive.getnames()}
    assert held - {".gitignore"} == {"CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", "src"}
