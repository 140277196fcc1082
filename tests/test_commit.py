"""A record names the commit of the suite, or none."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ablations import version


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    process = subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return process.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's repository, in which the suite is installed."""
    installed = tmp_path / "venv" / "version.py"
    installed.parent.mkdir()
    shutil.copy(version.__file__, installed)
    (tmp_path / "my_block.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "my_block.py")
    git(tmp_path, "commit", "-q", "-m", "mine")
    monkeypatch.setattr(version, "__file__", str(installed))
    return tmp_path


def test_a_repository_around_the_suite_says_nothing_of_it(repository: Path) -> None:
    assert version.commit().startswith("attention-ablations ")


def test_a_repository_that_holds_the_suite_does(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "suite")
    head = git(repository, "rev-parse", "--short=12", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(repository / "elsewhere"))  # as in a git hook
    assert version.commit() == head
    (repository / "my_block.py").write_text("changed")
    assert version.commit() == f"{head}-dirty"


def test_without_git_there_is_the_version(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent / "nowhere"))
    assert version.commit().startswith("attention-ablations ")
