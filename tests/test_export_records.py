"""Records in one file are read back as they were; a change is named, names stay text."""

import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from ablations.cli import main
from ablations.documents import checksum
from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder, read_records
from reports.export import Row, read_export, row_of, write_export
from reports.reading import read_runs
from tests.test_records import RIGHT, record
from tests.test_report import ODD, odd_block

PARQUET = pytest.param(
    "x.parquet",
    marks=pytest.mark.skipif(
        importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed"
    ),
)
FILES = ["x.csv", PARQUET]
SIGNS = ["a\r\nb", "a\rb", "\n", "a\0b", ',"', "\ufeffa", "-1", "+", "\t"]
TINY = 0.1 + 0.2, math.nextafter(0.5, 1), 5e-324


def odd_records() -> Iterator[RunRecord]:
    """Records of every kind: odd names, numbers at the limits, all and none optional."""
    yield RunRecord(**RIGHT)
    yield record(RunConfig(lr=5e-324, seed=2**32 - 1, weight_decay=0.1 + 0.2), TINY[1])
    yield record(RunConfig(protocol=None, encoder_weights="imagenet", clip_gradient=1.0))
    for number, name in enumerate(
        [*ODD, *SIGNS, "'quoted'", "1", "null", "true", "", " x ", "NA"]
    ):
        config = RunConfig(block=odd_block(name), seed=number)
        texts = {"device": name, "commit": name, "data": name, "notes": (name, name)}
        one = record(config, TINY[0]).model_copy(update=texts | {"versions": {name: name}})
        yield one.model_copy(update={"macs": None, "not_counted": name, "params": 10**17})


@pytest.mark.parametrize("name", FILES)
def test_what_is_read_back_equals_what_was_written(tmp_path: Path, name: str) -> None:
    records = list(odd_records())
    write_export(records, tmp_path / name)
    back = list(read_export(tmp_path / name))
    assert back == records
    assert [one.model_dump_json() for one in back] == [r.model_dump_json() for r in records]
    assert [file.name for file in tmp_path.iterdir()] == [name]  # no partial file


def test_keys_of_a_configuration_and_of_a_record_are_columns_of_different_names() -> None:
    assert not RunConfig.model_fields.keys() & RunRecord.model_fields.keys()
    assert len(row_of(record())) == (
        len(RunConfig.model_fields) + len(RunRecord.model_fields) - 1 + len(["id", "sum"])
    )


def test_a_spreadsheet_takes_no_text_of_the_file_for_a_formula(tmp_path: Path) -> None:
    write_export(odd_records(), tmp_path / "x.csv")
    table = pd.read_csv(tmp_path / "x.csv", dtype=str, keep_default_na=False)
    formulas = [
        cell
        for cell in table.to_numpy().ravel()
        if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not cell[1:2].isdigit()
    ]
    assert formulas == []
    assert "'=1+1" in set(table["device"])


def test_every_record_is_one_line_without_control_characters(tmp_path: Path) -> None:
    records = list(odd_records())
    write_export(records, tmp_path / "x.csv")
    lines = (tmp_path / "x.csv").read_text().split("\n")
    assert len(lines) == 1 + len(records) + 1
    assert all(line.isprintable() for line in lines)


def test_the_numbers_are_those_of_a_table(tmp_path: Path) -> None:
    write_export([record(RunConfig(block="se"), 0.25)], tmp_path / "x.csv")
    row = pd.read_csv(tmp_path / "x.csv").loc[0]
    assert (row["block"], row["miou"], row["macs"], row["seed"]) == ("se", 0.25, 100, 0)


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.5,", "0.6,", "was changed after it was exported"),
        ("se,residual", "gc,residual", "was changed after it was exported"),
        ("cpu", "gpu", "was changed after it was exported"),
        (",10,100,", f",{'[' * 9999},100,", "was changed after it was exported"),
        ('"{""background', f'"{"[" * 9999}', "iou is not JSON"),
        (",10,100,", ",ten,100,", "was changed after it was exported"),
        (',"{""background', ',"{{""background', "iou is not JSON"),
        ("sha256", "sha255", "no column sha256"),
        ("run_id,", "run,", "no column run_id"),
        ("max_steps,", "steps,", "was changed after it was exported"),
        ("se-residual", "gc-residual", "belongs to run se-residual"),
    ],
    ids=lambda text: text[:20],
)
def test_a_changed_file_is_named_with_its_record(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "x.csv"
    write_export([record()], path)
    changed(path, old, new)
    with pytest.raises(InputError, match=rf"x\.csv: record 1 .*{message}"):
        list(read_export(path))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'a,b\n"', b"PAR1", b"a\n1,2\n"])
def test_a_file_that_holds_no_records_is_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_runs(tmp_path / name)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    write_export([record(), record(RunConfig())], path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"record 2 .*changed after it was exported"):
        list(read_export(path))


def test_a_file_from_before_a_key_existed_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def earlier(record: RunRecord) -> Row:
        content = record.model_dump(mode="json", exclude={"images": True, "step": True})
        del content["config"]["ema"]
        row = {key: cell for key, cell in row_of(record).items() if key not in OLDER}
        return row | {"sha256": checksum(content)}

    monkeypatch.setattr("reports.export.row_of", earlier)
    write_export([record()], tmp_path / "x.csv")
    assert list(read_export(tmp_path / "x.csv")) == [record()]


OLDER = {"images", "step", "ema"}


def test_a_file_of_a_later_suite_is_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later(record: RunRecord) -> Row:
        content = record.model_dump(mode="json") | {"carbon": 3}
        return row_of(record) | {"carbon": 3, "sha256": checksum(content)}

    monkeypatch.setattr("reports.export.row_of", later)
    write_export([record()], tmp_path / "x.csv")
    with pytest.raises(InputError, match=r"carbon.*update the suite"):
        list(read_export(tmp_path / "x.csv"))


@pytest.mark.parametrize("name", FILES)
def test_a_report_of_the_file_is_that_of_the_folder(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "study"
    for block, miou in {"none": 0.5, "se": 0.52}.items():
        for seed in (0, 1, 2):
            config = RunConfig(block=block, seed=seed)
            record(config, miou + seed / 70).write(RunFolder(runs, config).record)
    assert main(["export-records", str(runs), "--out", str(tmp_path / name)]) == 0
    assert f"6 records: {tmp_path / name}" in capsys.readouterr().out
    assert main(["report", str(tmp_path / name)]) == 0
    assert main(["report", str(runs)]) == 0
    tables = [tmp_path / "x.report" / "comparison.csv", runs / "report" / "comparison.csv"]
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_another_ending_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = RunConfig()
    record(config).write(RunFolder(tmp_path / "runs", config).record)
    out = tmp_path / "x.xlsx"
    assert main(["export-records", str(tmp_path / "runs"), "--out", str(out)]) == 2
    assert "ends with .parquet or .csv" in capsys.readouterr().err
    assert not out.exists()
    assert len(list(read_records(tmp_path / "runs"))) == 1
