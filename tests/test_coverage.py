"""Missing runs of a study can be listed, and run from the list."""

import time
from pathlib import Path

import pytest

from ablations.cli import main
from ablations.records import Failure
from ablations.run_folder import RunFolder
from sweeps.study.coverage import missing, state
from sweeps.study.sweep_file import load_study
from tests.planned_runs import configs
from tests.test_records import record

SWEEP = """
name: shared
method: grid
command: [ablate, train, --study, shared, --config, "${args_json_file}"]
parameters: {block: {values: [none, se]}, seed: {min: 0, max: 2}, lr: {value: 0.1}}
"""


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    """Six cells: the second is finished and the third has failed."""
    path = tmp_path / "any.yaml"
    path.write_text(SWEEP)
    _, second, third, *_ = configs(load_study(path))
    record(second).write(RunFolder(tmp_path / "shared", second).record)
    failure = Failure(config=third, kind="error", reason="no luck", log="")
    failure.write(RunFolder(tmp_path / "shared", third).failure)
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
    for config in configs(load_study(sweep_file)):
        record(config).write(RunFolder(tmp_path / "shared", config).record)
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
    planned = configs(load_study(sweep_file))
    states = [state(config, tmp_path / "shared") for config in planned]
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


@pytest.mark.parametrize("recorded", [False, True])
def test_two_thousand_cells_are_listed_in_a_few_seconds(
    recorded: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(LARGE)
    for config in configs(load_study(path)) if recorded else ():
        record(config).write(RunFolder(tmp_path / "large", config).record)
    began = time.process_time()
    assert main(["sweep", str(path), "--runs", str(tmp_path), "--dry-run"]) == 0
    assert time.process_time() - began < 5
    counts = capsys.readouterr().out.splitlines()[-1]
    assert counts == f"2000 runs: 2000 {'finished' if recorded else 'waiting'}"


CAPPED = """
method: {method}
run_cap: 2
parameters: {{block: {{values: [none, se]}}, seed: {{min: 0, max: 999}}}}
"""


@pytest.mark.parametrize("method", ["grid", "random"])
def test_run_cap_plans_the_first_runs_only(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "capped.yaml"
    path.write_text(CAPPED.format(method=method))
    first, second = configs(load_study(path))
    if method == "grid":
        assert [(run.block, run.seed) for run in (first, second)] == [
            ("none", 0),
            ("none", 1),
        ]
    record(first).write(RunFolder(tmp_path / "capped", first).record)
    rest = tmp_path / "rest.yaml"
    options = ["--runs", str(tmp_path), "--out", str(rest)]
    assert main(["missing", str(path), *options]) == 1
    assert configs(load_study(rest)) == [second]
    record(second).write(RunFolder(tmp_path / "capped", second).record)
    assert main(["missing", str(path), *options]) == 0
    assert "every run has a record" in capsys.readouterr().out


def test_a_random_search_ends_at_the_smaller_of_count_and_cap(tmp_path: Path) -> None:
    path = tmp_path / "capped.yaml"
    path.write_text(CAPPED.format(method="random"))
    assert [len(list(load_study(path, count).runs())) for count in (1, 5)] == [1, 2]
