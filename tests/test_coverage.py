"""What a study lacks can be listed, and run from the list."""

import subprocess
import sys
from pathlib import Path

import pytest

from ablations.cli import main
from ablations.records import Failure, run_folder
from ablations.sweep_file import load_study
from sweeps.coverage import missing, state
from tests.test_records import record

SWEEP = """
name: shared
method: grid
command: [ablate, train, --study, shared, --config, "${args_json_file}"]
parameters: {block: {values: [none, se]}, seed: {min: 0, max: 2}, lr: {value: 0.1}}
"""


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    """Six cells, of which the second is finished and the third failed."""
    path = tmp_path / "any.yaml"
    path.write_text(SWEEP)
    cells = list(load_study(path).runs())
    record(cells[1]).write(run_folder(cells[1], tmp_path / "shared") / "record.json")
    failure = Failure(config=cells[2], kind="error", reason="no luck", log="")
    failure.write(run_folder(cells[2], tmp_path / "shared") / "failure.json")
    return path


def test_missing_cells_are_a_sweep_of_the_same_study(
    sweep_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = tmp_path / "rest" / "rest.yaml"
    arguments = ["missing", str(sweep_file), "--runs", str(tmp_path), "--out", str(rest)]
    assert main(arguments) == 1
    assert "5 runs without a record" in capsys.readouterr().out
    study, whole = load_study(rest), load_study(sweep_file)
    assert study.name == whole.name == "shared"
    assert study.command == whole.command
    assert list(study.runs()) == missing(whole, tmp_path / "shared")
    assert sweep_file.read_text() == SWEEP


def test_nothing_missing_is_good_news(
    sweep_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for cell in load_study(sweep_file).runs():
        record(cell).write(run_folder(cell, tmp_path / "shared") / "record.json")
    assert main(["missing", str(sweep_file), "--runs", str(tmp_path)]) == 0
    assert "every run has a record" in capsys.readouterr().out


def test_the_sweep_file_itself_is_not_written_over(
    sweep_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "missing",
        str(sweep_file),
        "--runs",
        str(tmp_path),
        "--out",
        str(sweep_file),
    ]
    assert main(arguments) == 2
    assert "is the sweep file itself" in capsys.readouterr().err
    assert sweep_file.read_text() == SWEEP


def test_a_dry_run_says_what_is_known_of_each_cell(
    sweep_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", str(sweep_file), "--runs", str(tmp_path), "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    states = [state(cell, tmp_path / "shared") for cell in load_study(sweep_file).runs()]
    assert [line.split()[0] for line in lines[:-1]] == states
    assert states == ["waiting", "finished", "failed", "waiting", "waiting", "waiting"]
    assert lines[-1] == "6 runs: 4 waiting, 1 finished, 1 failed"
    assert "block=none  seed=0" in lines[0]


LARGE = """
method: grid
parameters:
  block: {values: [none, se]}
  lr: {values: [0.001, 0.002, 0.003, 0.004, 0.005]}
  seed: {min: 0, max: 199}
"""
DRY_RUN = """
import sys, time
from ablations.cli import main
begun = time.process_time()
code = main(["sweep", sys.argv[1], "--runs", sys.argv[2], "--dry-run"])
print(code, time.process_time() - begun, {"torch", "pandas", "wandb"} & set(sys.modules))
"""


@pytest.mark.parametrize("recorded", [False, True])
def test_two_thousand_cells_are_listed_in_a_second(tmp_path: Path, recorded: bool) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(LARGE)
    for cell in load_study(path).runs() if recorded else ():
        record(cell).write(run_folder(cell, tmp_path / "large") / "record.json")
    command = [sys.executable, "-c", DRY_RUN, str(path), str(tmp_path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    *_, counts, measured = shown.splitlines()
    assert counts == f"2000 runs: 2000 {'finished' if recorded else 'waiting'}"
    code, seconds, heavy = measured.split(maxsplit=2)
    assert (code, heavy) == ("0", "set()")
    assert float(seconds) < 1
