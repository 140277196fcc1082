"""A user's files hide no module of the suite or of a library, but can be imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablations.blocks import create_attention
from ablations.errors import InputError
from ablations.search_path import SUITE

HIDING = [
    "ablations", "lightning_modules", "logging", "random", "reports", "signal",
    "statistics", "sweeps", "tempfile", "torch", "types",
]  # fmt: skip
STUDY = """
name: hidden
method: grid
parameters:
  block: {value: "own_block:Own"}
  placement: {value: last_feature}
  model: {value: fpn}
  image_size: {value: 32}
  train_images: {value: 16}
  val_images: {value: 8}
  batch_size: {value: 4}
  max_steps: {value: 1}
"""
OWN_BLOCK = """
from own_helper import nn

class Own(nn.Identity):
    def __init__(self, channels):
        super().__init__()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder full of files that must not be imported."""
    for name in HIDING:
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} is hidden')")
    (tmp_path / "own_helper.py").write_text("from torch import nn")
    (tmp_path / "own_block.py").write_text(OWN_BLOCK)
    (tmp_path / "hidden.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", str(SUITE))


def ablate(*arguments: str) -> str:
    """The output of the installed command."""
    start = "import sys; from ablations.cli import main; sys.exit(main())"
    result = subprocess.run(
        [sys.executable, "-P", "-c", start, *arguments], capture_output=True, text=True
    )
    assert "Traceback" not in result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize(
    "executor", [pytest.param(name, marks=pytest.mark.slow) for name in ("here", "local")]
)
def test_a_sweep_runs_beside_files_with_the_names_of_modules(executor: str) -> None:
    output = ablate("sweep", "hidden.yaml", "--accelerator", "cpu", "--executor", executor)
    assert "1 finished, 0 had a record, 0 failed" in output


@pytest.mark.slow
def test_python_m_ablations_imports_no_file_of_the_working_folder() -> None:
    for name in ("ablations", "types"):  # which Python itself reads first
        Path(f"{name}.py").unlink()
    command = [sys.executable, "-m", "ablations", "sweep", "hidden.yaml", "--dry-run"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", ["random", "sweeps", "torch"])
def test_a_block_in_a_file_that_is_hidden_is_named_with_what_hides_it(name: str) -> None:
    with pytest.raises(InputError, match=rf"\./{name}\.py is hidden by .*; rename it"):
        create_attention(f"{name}:Own", 8)


def test_a_package_of_ours_that_pythonpath_hides_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "sweeps.py").touch()
    paths = [str(tmp_path / "elsewhere"), str(SUITE)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    assert "sweeps.py hides this suite's package sweeps; rename it" in ablate("list")
