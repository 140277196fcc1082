"""A report shows every record, names every failure, and lets nothing through unescaped."""

from pathlib import Path

import pytest
from pandas import DataFrame, read_csv

from ablations.errors import InputError
from ablations.records import Failure, run_folder
from ablations.study import RunConfig, Study
from reports.columns import Column, millions, percent, points, share, text
from reports.render import latex, markdown
from reports.report import write_report
from tests.test_records import record

HOSTILE = r"a|b_<script>&50%\n"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A baseline and two blocks on two seeds; one run has failed."""
    folder = tmp_path / "runs"
    for block, miou in {"none": 0.5, "se": 0.52, "my_file:Own": 0.48}.items():
        for seed in (0, 1):
            config = RunConfig(block=block, seed=seed)
            macs = 100 if block == "none" else 120
            one = record(config, miou + seed / 100).model_copy(update={"macs": macs})
            one.write(run_folder(config, folder) / "record.json")
    lost = RunConfig(block="cbam")
    failure = Failure(config=lost, kind="error", reason=HOSTILE, log="")
    failure.write(run_folder(lost, folder) / "failure.json")
    return folder


def test_a_report_holds_tables_plots_and_failures(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = write_report(runs, out)
    page = report.page.read_text()
    assert str(out / "report.md") in report.summary
    assert "| SE " in report.summary
    assert "6 finished runs, 1 failed" in page
    assert r"a\|b" in page
    for line in ("| SE ", "| Own ", "+2.00"):
        assert line in page
    numbers = read_csv(out / "comparison.csv").set_index("block")
    assert numbers.loc["se", "gain"] == pytest.approx(0.02)  # base units
    assert numbers.loc["se", "added_macs_share"] == pytest.approx(0.2)
    for name in (
        "comparison.svg",
        "comparison.png",
        "comparison.tex",
        "comparison-curves.svg",
    ):
        assert (out / name).stat().st_size > 400
    for name in ("SE", "Own", "Baseline"):
        assert name in page


def test_equal_records_give_equal_files(runs: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(runs, tmp_path / name)
    for file in ("comparison.svg", "report.md"):
        assert (tmp_path / "one" / file).read_bytes() == (
            tmp_path / "two" / file
        ).read_bytes()


def test_coverage_is_stated(runs: Path, tmp_path: Path) -> None:
    parameters = {"block": {"values": ["none", "se", "gc"]}, "seed": {"values": [0, 1]}}
    study = Study(name="three", parameters=parameters)
    page = write_report(runs, tmp_path / "out", study).page.read_text()
    assert "4 of the 6 planned have a record" in page
    assert page.count("* `gc-residual-resnet18-s") == 2
    complete = Study(
        name="two", parameters=parameters | {"block": {"values": ["none", "se"]}}
    )
    assert "Not complete" not in write_report(runs, tmp_path / "out", complete).summary


def test_a_run_whose_baseline_is_missing_is_named_and_left_out(
    runs: Path, tmp_path: Path
) -> None:
    config = RunConfig(block="se", seed=7)
    record(config).write(run_folder(config, runs) / "record.json")
    page = write_report(runs, tmp_path / "out").page.read_text()
    assert f"`{config.run_id}`" in page
    assert "Without baseline" in page


def test_other_settings_have_tables_of_their_own(runs: Path, tmp_path: Path) -> None:
    config = RunConfig(placement="stages")
    record(config).write(run_folder(config, runs) / "record.json")
    page = write_report(runs, tmp_path / "out").page.read_text()
    assert "resnet18, residual" in page
    assert "resnet18, stages" in page
    assert (tmp_path / "out" / "comparison-2.csv").exists()


def test_nothing_to_report_is_an_error_that_gives_the_reasons(tmp_path: Path) -> None:
    config = RunConfig()
    failure = Failure(config=config, kind="error", reason="no luck", log="")
    failure.write(run_folder(config, tmp_path) / "failure.json")
    with pytest.raises(InputError, match=r"no record.*1 failed.*no luck"):
        write_report(tmp_path, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_named(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.*cannot be written"):
        write_report(runs, tmp_path / "file")


TABLE = DataFrame({"name": [HOSTILE], "value": [0.0160], "missing": [float("nan")]})
COLUMNS = [
    Column("name", "Name", text),
    Column("value", "Gain", points),
    Column("missing", "±", percent),
]


def test_markdown_keeps_signs_and_escapes_pipes() -> None:
    page = markdown(TABLE, COLUMNS)
    assert "+1.60" in page
    assert r"a\|b\_&lt;script>&50%\\n" in page
    assert "–" in page


def test_latex_escapes_its_special_characters() -> None:
    page = latex(TABLE, COLUMNS)
    escaped = r"a\textbar{}b\_\textless{}script\textgreater{}\&50\%\textbackslash{}n"
    assert rf"{escaped} & +1.60 & -- \\" in page
    assert r"$\pm$" in page


@pytest.mark.parametrize(
    ("show", "value", "shown"),
    [(percent, 0.12345, "12.35"), (millions, 1_234_567, "1.235"), (share, 0.1, "+10.00 %")],
)
def test_units_are_written_once(show: object, value: float, shown: str) -> None:
    assert callable(show)
    assert show(value) == shown
