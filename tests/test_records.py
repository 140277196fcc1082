"""A record is whole, unchanged and in its own folder, or it is refused by name."""

import json
from pathlib import Path

import pytest

from ablations.errors import InputError
from ablations.records import Failure, RunRecord, read_failures, read_records, run_folder
from ablations.study import RunConfig

CONFIG = RunConfig(block="se", seed=3)


def record(config: RunConfig = CONFIG, miou: float = 0.5) -> RunRecord:
    return RunRecord(
        config=config,
        miou=miou,
        iou={"background": miou, "one": None},
        val_loss=1.0,
        curve=[{"step": 1, "train_loss": 2.0, "val_miou": miou}],
        params=10,
        macs=100,
        macs_direct=100,
        train_seconds=1.5,
        device="cpu",
        versions={"torch": "2"},
        commit="abc",
        data="digits 1",
    )


def written(folder: Path) -> Path:
    path = run_folder(CONFIG, folder) / "record.json"
    record().write(path)
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path / "study")
    assert list(read_records(tmp_path)) == [record()]
    assert [file.name for file in path.parent.iterdir()] == ["record.json"]  # no partial


def test_a_row_holds_configuration_and_result(tmp_path: Path) -> None:
    row = record().row()
    assert (row["block"], row["seed"], row["miou"], row["macs"]) == ("se", 3, 0.5, 100)


@pytest.mark.parametrize("keep", [0, 1, 40, -3])
def test_a_truncated_record_is_named(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text()[:keep])
    with pytest.raises(InputError, match=r"record\.json: truncated or not a record"):
        list(read_records(tmp_path))


def test_an_edited_record_is_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().replace('"miou": 0.5', '"miou": 0.9'))
    with pytest.raises(InputError, match="changed after it was written"):
        list(read_records(tmp_path))


@pytest.mark.parametrize("text", ["[]", "null", "3", '{"sha256": "x"}'])
def test_other_json_is_no_record(tmp_path: Path, text: str) -> None:
    path = written(tmp_path)
    path.write_text(text)
    with pytest.raises(InputError, match=r"record\.json"):
        RunRecord.read(path)


def test_a_record_in_the_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    record().write(tmp_path / "other" / "record.json")
    with pytest.raises(InputError, match=f"belongs to run {CONFIG.run_id}"):
        list(read_records(tmp_path))


def test_a_failure_counts_until_the_run_has_a_record(tmp_path: Path) -> None:
    failure = Failure(config=CONFIG, kind="out of memory", reason="no memory", log="")
    failure.write(run_folder(CONFIG, tmp_path) / "failure.json")
    assert list(read_failures(tmp_path)) == [failure]
    written(tmp_path)
    assert list(read_failures(tmp_path)) == []


def test_a_crash_while_writing_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path)

    def crash(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(json, "dump", crash)
    with pytest.raises(KeyboardInterrupt):
        record(miou=0.9).write(path)
    assert RunRecord.read(path).miou == 0.5
