"""Reports of several folders: each run once, copies named, contradictions refused."""

from pathlib import Path

import pytest

from ablations.cli import main
from ablations.errors import InputError
from ablations.records import Failure
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from reports.export import write_export
from reports.reading import read_runs
from tests.test_records import record


def write(folder: Path, block: str = "none", seed: int = 0, miou: float = 0.5) -> Path:
    config = RunConfig(block=block, seed=seed)
    path = RunFolder(folder, config).record
    record(config, miou).write(path)
    return path


def test_runs_of_several_places_are_one_study(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b", "se")
    write_export([record(RunConfig(block="gc"))], tmp_path / "c.csv")
    gathered = read_runs(*(tmp_path / name for name in ("a", "b", "c.csv")))
    assert [one.config.block for one in gathered.records] == ["none", "se", "gc"]
    assert gathered.copies == []


def test_a_copy_counts_once_and_is_named(tmp_path: Path) -> None:
    kept, copy = write(tmp_path / "a"), write(tmp_path / "b")
    gathered = read_runs(tmp_path / "a", tmp_path / "b")
    assert len(gathered.records) == 1
    assert gathered.copies == [(RunConfig().run_id, kept, copy)]


def test_a_file_that_two_places_share_is_no_copy(tmp_path: Path) -> None:
    write(tmp_path / "a")
    places = [tmp_path, tmp_path / "a", tmp_path / "b" / ".." / "a", tmp_path]
    (tmp_path / "b").mkdir()
    assert read_runs(*places).copies == []
    assert len(read_runs(*places).records) == 1


@pytest.mark.parametrize("name", ["b", "b.csv"])
def test_two_results_of_a_run_are_refused_with_both_files(
    tmp_path: Path, name: str
) -> None:
    kept = write(tmp_path / "a")
    other = record(RunConfig(), 0.5 + 1e-16 * 2)
    write_export([other], tmp_path / "b.csv")
    other.write(RunFolder(tmp_path / "b", RunConfig()).record)
    with pytest.raises(InputError) as refused:
        read_runs(tmp_path / "a", tmp_path / name)
    assert str(refused.value).startswith(f"{kept} and {tmp_path / name}")
    assert "`ablate compare`" in str(refused.value)


def test_a_failure_counts_unless_the_run_succeeded_elsewhere(tmp_path: Path) -> None:
    write(tmp_path / "a")
    for block in ("none", "se"):
        config = RunConfig(block=block)
        failure = Failure(config=config, kind="error", reason="no luck", log="")
        failure.write(RunFolder(tmp_path / "b", config).failure)
    lost = read_runs(tmp_path / "a", tmp_path / "b").failures
    assert [failure.config.block for failure in lost] == ["se"]


def test_the_report_names_copies_and_needs_a_folder_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.section.pictures", lambda *arguments: [])
    for folder in ("a", "b"):
        write(tmp_path / folder)
        write(tmp_path / folder, "se", miou=0.53)
    write(tmp_path / "b", "gc", miou=0.51)
    places = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert main(["report", *places]) == 2
    assert "needs --out" in capsys.readouterr().err
    assert main(["report", *places, "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.md").read_text()
    assert page.startswith("# a and b: attention blocks compared")
    assert "**Runs that are there more than once, and count once:**" in page
    assert "3 finished runs" in page
    assert page.count(" has the same result as ") == 2


@pytest.mark.parametrize("name", ["nowhere", "nowhere.csv", "empty"])
def test_a_place_without_records_is_one_line(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["report", str(tmp_path / name)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert name in line


def test_records_from_wandb_go_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweeps.verbs import report

    asked = []

    def fetch(address: str, folder: Path) -> report.Source:
        asked.append(folder)
        return report.Source([folder])

    monkeypatch.setattr(report, "fetch", fetch)
    monkeypatch.setenv("ABLATE_RUNS", str(tmp_path / "mine"))
    assert main(["report", "wandb:a/b/c"]) == 2  # no records there
    assert main(["report", "wandb:a/b/c", "--runs", str(tmp_path / "given")]) == 2
    monkeypatch.delenv("ABLATE_RUNS")
    monkeypatch.chdir(tmp_path)
    assert main(["report", "wandb:a/b/c"]) == 2
    assert asked == [tmp_path / "mine", tmp_path / "given", Path("runs")]
