"""A report of thousands of runs is one page and few files, and work grows with the runs."""

from pathlib import Path

import pytest
from pandas import read_csv

from reports import reading, tables
from reports.report import write_report
from tests import many_records

pytestmark = pytest.mark.slow

FILES, PAGE = 50, 5_000_000  # the most files, and the largest page in bytes


@pytest.mark.parametrize(("runs", "settings"), [(1800, 10), (1800, 100)])
def test_a_report_has_few_files_and_a_small_page(
    runs: int, settings: int, tmp_path: Path
) -> None:
    study, out = tmp_path / "runs", tmp_path / "out"
    many_records.write(study, runs, settings)
    write_report(study, out)
    files = list(out.iterdir())
    assert len(files) <= FILES
    assert all(file.stat().st_size < PAGE for file in files)
    numbers = read_csv(out / "comparison.csv")
    assert numbers.groupby(["placement", "lr"]).ngroups == settings
    assert numbers["seeds"].sum() == runs


def test_every_file_is_read_once_and_every_setting_is_compared_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts instead of seconds, which differ between machines."""
    study, counts = tmp_path / "runs", {"read": 0, "compared": 0}
    many_records.write(study, 900, 20)
    read, compare = reading.read_compact, tables.block_comparison

    def counted_read(path: Path) -> object:
        counts["read"] += 1
        return read(path)

    def counted_compare(runs: object) -> object:
        counts["compared"] += 1
        return compare(runs)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "read_compact", counted_read)
    monkeypatch.setattr("reports.comparison.block_comparison", counted_compare)
    write_report(study, tmp_path / "out")
    assert counts == {"read": 900, "compared": 20}
