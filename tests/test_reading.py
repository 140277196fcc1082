"""A report shows every run that can be read, and names every file that cannot."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pandas import read_csv

from ablations.cli import main
from ablations.documents import checksum
from ablations.errors import InputError
from ablations.records import Failure
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from reports.reading import read_runs
from reports.report import write_report
from reports.section import no_pictures
from tests.test_records import record

SCORES = {"none": 0.5, "se": 0.52, "gc": 0.53}


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.sections.pictures", no_pictures)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    for block, miou in SCORES.items():
        one = record(RunConfig(block=block), miou)
        one.write(RunFolder(folder, one.config).record)
    return folder


def file_of(runs: Path, block: str) -> Path:
    return RunFolder(runs, RunConfig(block=block)).record


def rewritten(path: Path, **values: object) -> None:
    """Change values of a file, with a checksum that agrees with them."""
    content = json.loads(path.read_text()) | values
    del content["sha256"]
    path.write_text(json.dumps(content | {"sha256": checksum(content)}))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def newer(path: Path) -> None:
    rewritten(path, format=2)


def impossible(path: Path) -> None:
    rewritten(path, miou=1.5)


def emptied(path: Path) -> None:
    path.unlink()
    path.mkdir()


def hostile(path: Path) -> None:
    rewritten(path, **{"<script>\x1b[31m": 1})


DAMAGES: dict[Callable[[Path], None], str] = {
    truncated: "truncated or not a record",
    newer: "format 2 cannot be read; this version of the suite reads format 1",
    impossible: "miou = 1.5",
    emptied: "not a regular file",
    hostile: r"\x1b[31m",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_named_and_the_others_are_reported(
    runs: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(file_of(runs, "se"))
    assert main(["report", str(runs)]) == 1
    printed = capsys.readouterr().out
    assert all(sign.isprintable() for sign in printed.replace("\n", ""))
    for text in (str(file_of(runs, "se")), DAMAGES[damage], "| GC "):
        assert text in printed
    page = (runs / "report" / "report.md").read_text()
    assert "Files that cannot be read" in page
    assert "<script" not in page
    assert read_csv(runs / "report" / "comparison.csv")["block"].tolist() == ["none", "gc"]


def test_a_damaged_failure_is_named(runs: Path) -> None:
    lost = RunConfig(block="cbam")
    failure = Failure(config=lost, kind="error", reason="no luck", log="")
    failure.write(RunFolder(runs, lost).failure)
    assert len(read_runs(runs).failures) == 1
    truncated(RunFolder(runs, lost).failure)
    reading = read_runs(runs)
    assert not reading.failures
    assert len(reading.records) == len(SCORES)
    [problem] = reading.problems
    assert problem.startswith(f"{RunFolder(runs, lost).failure}: truncated")


def test_many_damaged_records_are_counted(runs: Path) -> None:
    for seed in range(60):
        path = RunFolder(runs, RunConfig(seed=seed + 1)).record
        path.parent.mkdir()
        path.write_text("{")
    page = write_report(runs, runs / "report").page.read_text()
    assert page.count("truncated or not a record") == 50
    assert "* and 10 more" in page


def test_a_folder_without_a_readable_record_is_refused_in_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for block in SCORES:
        truncated(file_of(runs, block))
    assert main(["report", str(runs)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "no record that can be read" in line
    assert "(and 2 more)" in line
    assert not (runs / "report").exists()


def test_an_empty_folder_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(f"{tmp_path}: no record of a finished run")
    with pytest.raises(InputError, match="no such folder"):
        read_runs(tmp_path / "nowhere")


def test_equal_copies_of_a_run_are_named_and_counted_once(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs, runs / "copy")
    assert main(["report", str(runs)]) == 0
    printed = capsys.readouterr().out
    assert "Runs that are there more than once, and count once:" in printed
    assert "3 finished runs" in printed
    numbers = read_csv(runs / "report" / "comparison.csv")
    assert numbers["seeds"].tolist() == [1, 1, 1]


def test_two_results_of_one_run_end_with_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs, runs / "copy")
    record(RunConfig(), 0.4).write(file_of(runs / "copy", "none"))
    assert main(["report", str(runs)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "are the same run with different results" in line
    assert str(file_of(runs, "none")) in line
    assert str(file_of(runs / "copy", "none")) in line


def test_without_any_baseline_there_are_scores_and_no_gains(tmp_path: Path) -> None:
    scores = {("se", 0): 0.5, ("se", 1): 0.54, ("gc", 2): 0.6}
    for (block, seed), miou in scores.items():
        config = RunConfig(block=block, seed=seed)
        record(config, miou).write(RunFolder(tmp_path, config).record)
    page = write_report(tmp_path, tmp_path / "out").page.read_text()
    assert "**No baseline:**" in page
    assert "Gain" not in page.partition("## How to read")[0]
    numbers = read_csv(tmp_path / "out" / "comparison.csv").set_index("block")
    assert numbers.index.tolist() == ["se", "gc"]
    assert numbers.loc["se", "miou"] == pytest.approx(0.52)
    assert numbers.loc["se", "miou_std"] == pytest.approx(0.02 * 2**0.5)
    assert numbers["seeds"].tolist() == [2, 1]


def test_losses_between_validations_do_not_fill_the_memory(tmp_path: Path) -> None:
    points = [{"step": step, "train_loss": 1.0} for step in (1, 2)]
    points.append({"step": 2, "val_miou": 0.5})
    one = record().model_copy(update={"curve": points})
    one.write(RunFolder(tmp_path, one.config).record)
    [read] = read_runs(tmp_path).records
    assert read.curve == points[-1:]
    assert read.model_copy(update={"curve": points}) == one
