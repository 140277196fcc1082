"""A sweep runs whatever has no record yet; a failing run stops and hides nothing."""

import io
import threading
from itertools import product
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from ablations.cli import main
from ablations.records import RunRecord
from ablations.run_folder import RunFolder
from lightning_modules.execution import Execution
from lightning_modules.lock import claim
from sweeps.book import Book
from sweeps.display import Display
from sweeps.local.resources import Resources
from sweeps.local.runner import Runner
from sweeps.outcome import Summary
from sweeps.study.study import Study
from sweeps.study.sweep_file import load_study
from tests.planned_runs import configs
from tests.states import wait_until
from tests.test_records import record

SWEEPS = Path(__file__).parents[1] / "sweeps"
EXECUTION = Execution(accelerator="cpu")


@pytest.fixture
def written_elsewhere() -> RunRecord:
    return record(next(load_study(SWEEPS / "smoke.yaml").runs()).config)


def sweep(study: Study, runs: Path, text: io.StringIO, jobs: int = 1) -> Summary:
    """Run a study; the text is its log."""
    display = Display(Console(file=text, width=200))
    resources = Resources(jobs=jobs)
    launch = study.launch(runs / study.name)
    book = Book(study.runs(), launch, resources.retries, display)
    return Runner(book, EXECUTION, resources).run()


@pytest.mark.parametrize("file", sorted(SWEEPS.glob("*.yaml")), ids=lambda file: file.name)
def test_every_sweep_file_is_a_grid_for_wandb_too(file: Path) -> None:
    study = load_study(file)
    sweep = yaml.safe_load(file.read_text())
    assert sweep["name"] == study.name == file.stem
    assert sweep["command"][-1] == "${args_json_file}"  # typed values
    assert f"--study {study.name} " in " ".join(sweep["command"])
    assert (SWEEPS.parent / sweep["program"]).exists()


def test_the_demo_is_a_part_of_the_study_of_the_cue_probe() -> None:
    """So both have the same runs, scored on the test split, with seeds not chosen on."""
    demo, whole = (
        configs(load_study(SWEEPS / f"{name}.yaml")) for name in ("demo", "probe_cue")
    )
    assert {run.run_id for run in demo} < {run.run_id for run in whole}
    blocks = ["se", "gc", "non_local", "ea", "psa_parallel"]
    expected = [("none", seed) for seed in range(6)] + [*product(blocks, range(3))]
    assert [(run.block, run.seed) for run in demo] == expected


@pytest.mark.slow
def test_a_run_that_another_process_holds_is_waited_for(
    tmp_path: Path, written_elsewhere: RunRecord
) -> None:
    config = written_elsewhere.config
    study = Study(
        name="shared",
        parameters={key: {"value": value} for key, value in config.model_dump().items()},
    )
    folder = RunFolder(tmp_path / "shared", config)
    held = claim(folder.lock)
    held.__enter__()

    log = io.StringIO()

    def finish_elsewhere() -> None:
        wait_until(lambda: "waiting for another process" in log.getvalue())
        written_elsewhere.write(folder.record)
        held.__exit__(None, None, None)

    other = threading.Thread(target=finish_elsewhere)
    other.start()
    summary = sweep(study, tmp_path, log)
    other.join()
    assert (summary.finished, summary.recorded, summary.complete) == (0, 1, True)
    assert "finished by another process" in log.getvalue()


def test_the_smoke_study_runs_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", str(SWEEPS / "smoke.yaml"), "--runs", str(tmp_path), "--jobs", "2"]
    assert main([*command, "--dry-run"]) == 0
    assert capsys.readouterr().out.count("waiting  ") == 4
    assert main([*command, "--accelerator", "cpu"]) == 0
    assert "4 finished, 0 had a record" in capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("record.json")}
    assert main([*command, "--accelerator", "cpu"]) == 0
    assert "0 finished, 4 had a record" in capsys.readouterr().out
    assert {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob("record.json")
    } == before

    assert main(["report", str(tmp_path / "smoke")]) == 0
    report = (tmp_path / "smoke" / "report" / "report.md").read_text()
    assert "PSA" in report
    assert "Baseline" in report
