"""A record is whole, unchanged and in its own folder, or is refused by name."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ablations.documents import REMEDY, checksum
from ablations.errors import InputError, UnwritableError
from ablations.records import TIMES, Failure, RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder, read_failures, read_records
from ablations.whole_file import write_whole
from tests.test_run_config import Later

CONFIG = RunConfig(block="se", seed=3)
NAN, INF = float("nan"), float("inf")


class LaterRecord(RunRecord):
    config: Later


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


def write_record(folder: Path) -> Path:
    path = RunFolder(folder, CONFIG).record
    record().write(path)
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = write_record(tmp_path / "study")
    assert list(read_records(tmp_path)) == [record()]
    assert [file.name for file in path.parent.iterdir()] == ["record.json"]  # no partial


def test_a_row_holds_configuration_and_result(tmp_path: Path) -> None:
    row = record().row()
    assert (row["block"], row["seed"], row["miou"], row["macs"]) == ("se", 3, 0.5, 100)


# IoU: 6 of 6 + 9 + 1 pixels, 4 of 4 + 9 + 1; the mean is that of the two
RIGHT: dict[str, Any] = record().model_dump() | {
    "config": CONFIG.changed(score_on="test"),
    "iou": {"background": 6 / 16, "one": 4 / 14, "two": None},
    "miou": (6 / 16 + 4 / 14) / 2,
    "confusion": ((6, 9, 0), (1, 4, 0), (0, 0, 0)),
    "information": -0.5,
    "test_loss": 0.7,
    "curve": [{"step": 1, "val_miou": 0.5, "val_information": -0.25}],
}


def test_a_record_may_hold_counts_and_the_information_of_a_probe(tmp_path: Path) -> None:
    scored = RunRecord(**RIGHT)
    path = RunFolder(tmp_path, scored.config).record
    scored.write(path)
    assert list(read_records(tmp_path)) == [scored]
    assert "confusion" not in scored.row()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confusion": ((6, 9), (1, 4))}, "confusion is not 3 x 3 counts"),
        ({"confusion": ((6, 9, 0), (1, 4), (0, 0, 0))}, "confusion is not 3 x 3 counts"),
        ({"confusion": ((6, 9, 0), (1, 4, 1), (0, 0, 0))}, "iou of 'one' = "),
        ({"confusion": ((6, 9, 0), (1, -4, 0), (0, 0, 0))}, "confusion.1.1"),
        ({"information": 1.5}, "information = 1.5"),
        ({"information": NAN}, "information = nan"),
        ({"test_loss": None}, "a test_loss belongs to score_on = 'test'"),
        ({"curve": [{"step": 1, "val_information": -1.5}]}, "not between -1 and 1"),
    ],
)
def test_scores_that_contradict_each_other_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / RunRecord(**RIGHT).config.run_id / "record.json"
    content = RunRecord(**RIGHT).model_dump(mode="json") | change
    write_json(path, content)
    with pytest.raises(InputError, match=message):
        RunRecord.read(path)


def test_a_record_from_before_these_scores_is_read(tmp_path: Path) -> None:
    content = record().model_dump(mode="json")
    for name in ("confusion", "information", "test_loss"):
        del content[name]
    del content["config"]["score_on"]
    path = tmp_path / CONFIG.run_id / "record.json"
    write_json(path, content)
    assert list(read_records(tmp_path)) == [record()]
    assert RunFolder(tmp_path, CONFIG).has_record()


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps(content | {"sha256": checksum(content)}))


@pytest.mark.parametrize("keep", [0, 1, 40, -3])
def test_a_truncated_record_is_named(tmp_path: Path, keep: int) -> None:
    path = write_record(tmp_path)
    path.write_text(path.read_text()[:keep])
    with pytest.raises(InputError, match=r"record\.json: truncated or not a record"):
        list(read_records(tmp_path))


def test_an_edited_record_is_named(tmp_path: Path) -> None:
    path = write_record(tmp_path)
    path.write_text(path.read_text().replace('"miou": 0.5', '"miou": 0.9'))
    with pytest.raises(InputError, match="changed after it was written"):
        list(read_records(tmp_path))


@pytest.mark.parametrize("text", ["[]", "null", "3", '{"sha256": "x"}'])
def test_other_json_is_no_record(tmp_path: Path, text: str) -> None:
    path = write_record(tmp_path)
    path.write_text(text)
    with pytest.raises(InputError, match=r"record\.json"):
        RunRecord.read(path)


def test_a_record_in_the_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    record().write(tmp_path / "other" / "record.json")
    with pytest.raises(InputError, match=f"belongs to run {CONFIG.run_id}"):
        list(read_records(tmp_path))


def test_a_failure_counts_until_the_run_has_a_record(tmp_path: Path) -> None:
    failure = Failure(config=CONFIG, kind="out of memory", reason="no memory", log="")
    failure.write(RunFolder(tmp_path, CONFIG).failure)
    assert list(read_failures(tmp_path)) == [failure]
    write_record(tmp_path)
    assert list(read_failures(tmp_path)) == []


def test_a_crash_while_writing_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_record(tmp_path)

    def crash(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        record(miou=0.9).write(path)
    assert RunRecord.read(path).miou == 0.5


def tamper(folder: Path, change: dict[str, Any], without: str = "") -> Path:
    """A record with changed values and a matching checksum."""
    path = write_record(folder)
    content = json.loads(path.read_text()) | change
    content = {k: v for k, v in content.items() if k not in {"sha256", without}}
    path.write_text(json.dumps(content | {"sha256": checksum(content)}))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *[
            ({"iou": {"one": value}}, f"iou.one = {value!r}"[:50])
            for value in (1.1, -0.1, 2, True, "0.5", NAN, INF, -INF, 10**400)
        ],
        ({"iou": {}}, "iou = {}"),
        ({"iou": {"": 0.5}}, "at least 1 character"),
        ({"iou": [0.5]}, "iou = "),
        ({"iou": {"one": 0.7}}, "miou = 0.5: the mean of iou is 0.7"),
        ({"iou": {"one": None}}, "miou = 0.5: the mean of iou is 0"),
        *[({"miou": value}, "miou = ") for value in (True, None, "0.5", NAN, 1.5, -0.5)],
        *[({"val_miou": value}, "val_miou = ") for value in (True, "0.5", NAN, 1.5, -0.5)],
        ({"val_miou": 0.5}, "a val_miou belongs to score_on = 'test' alone"),
        *[({"val_loss": v}, "val_loss = ") for v in (NAN, INF, True, -1, 1e308, 10**400)],
        *[
            ({key: value}, f"{key} = ")
            for key in ("params", "macs", "macs_direct")
            for value in (-1, True, 1.5, 10**29, NAN, "10")
        ],
        *[
            ({key: value}, f"{key} = ")
            for key in TIMES
            for value in (-1, True, NAN, -INF, 1e308)
        ],
        *[
            ({"curve": [point]}, "curve.0")
            for point in (
                {},
                {"step": 1},
                {"val_miou": 0.5},
                {"step": 1, "bogus": 1},
                {"step": 1, "val_miou": 7},
                {"step": 1, "val_miou": True},
                {"step": 1, "train_loss": NAN},
                {"step": 1, "train_loss": -1},
                {"step": 1.5, "val_miou": 0.5},
                {"step": -5, "val_miou": 0.5},
                {"step": 1e308, "val_miou": 0.5},
                {"step": NAN, "val_miou": 0.5},
                {"step": None, "val_miou": 0.5},
            )
        ],
        ({"bogus": 1}, "bogus = 1: Extra inputs are not permitted; update the suite if"),
        (
            {"config": CONFIG.model_dump() | {"bogus": 1}},
            "config.bogus = 1: Extra inputs are not permitted; update the suite if",
        ),
        *[
            ({"format": number}, f"format {number!r} cannot be read; this version")
            for number in (2, 0, "1", None, 1.5, 1.0, True)
        ],
        ({"device": 3}, "device = 3"),
        ({"device": "\ud800"}, "an unpaired surrogate"),
        ({"versions": {"\udfff": "1"}}, "an unpaired surrogate"),
        ({"failures": "none"}, "failures = "),
    ],
)
def test_a_value_that_cannot_be_is_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tamper(tmp_path, change)
    with pytest.raises(InputError) as refused:
        list(read_records(tmp_path))
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("key", ["config", "miou", "iou", "curve", "device"])
def test_a_missing_key_is_named_and_nothing_else(tmp_path: Path, key: str) -> None:
    path = tamper(tmp_path, {}, without=key)
    with pytest.raises(InputError) as refused:
        list(read_records(tmp_path))
    assert str(refused.value) == f"{path}: {key} is missing; {REMEDY}"


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 10_000,
        b'{"sha256": 1, "a": 1' + b"0" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'{"sha256": "x", "sha256": "x"}',
        b'"sha256"',
        b"\0",
    ],
)
def test_a_file_that_is_no_plain_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = write_record(tmp_path)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"record\.json: truncated or not a record"):
        list(read_records(tmp_path))


def test_what_is_no_file_or_a_huge_one_is_not_read(tmp_path: Path) -> None:
    path = write_record(tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"record\.json: not a regular file"):
        list(read_records(tmp_path))
    path.unlink()
    with path.open("wb") as file:
        file.truncate(10**12)  # of which nothing is on disk
    with pytest.raises(InputError, match=r"1,000,000,000,000 bytes; a record has at most"):
        list(read_records(tmp_path))


def test_a_run_with_two_results_is_named_with_both_places(tmp_path: Path) -> None:
    one = write_record(tmp_path / "one")
    two = RunFolder(tmp_path / "two", CONFIG).record
    record(miou=0.5000000001).write(two)
    with pytest.raises(InputError) as refused:
        list(read_records(tmp_path))
    assert str(refused.value).startswith(f"{one} and {two} are the same run")
    assert "ablate compare" in str(refused.value)


def test_a_run_that_was_copied_or_trained_again_counts_once(tmp_path: Path) -> None:
    write_record(tmp_path / "one")
    elsewhere = record().model_copy(update={"train_seconds": 9.0, "device": "other"})
    for name in ("two", "three"):
        elsewhere.write(RunFolder(tmp_path / name, CONFIG).record)
    [read] = read_records(tmp_path)
    assert read == record()  # that of the first path


def test_what_lies_in_the_folder_of_another_run_is_never_taken_for_its_own(
    tmp_path: Path,
) -> None:
    other = RunConfig(block="se", seed=4)
    record(other).write(RunFolder(tmp_path, CONFIG).record)
    with pytest.raises(InputError, match=f"belongs to run {other.run_id}"):
        RunFolder(tmp_path, CONFIG).has_record()
    failure = Failure(config=other, kind="error", reason="", log="")
    failure.write(RunFolder(tmp_path, CONFIG).failure)
    problem = f"earlier failures cannot be read: belongs to run {other.run_id}"
    assert RunFolder(tmp_path, CONFIG).failures() == (problem,)


def test_a_record_is_read_back_from_its_json(tmp_path: Path) -> None:
    """As W&B stores it."""
    assert RunRecord.model_validate_json(record().model_dump_json()) == record()


def test_a_file_that_is_not_written_whole_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableError, match=r"file: cannot be written \(No space left"):
        write_whole(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_leaves_its_record_only(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, CONFIG)
    folder.note_failure("error", "no luck")
    for name in ("last.ckpt", "last.ckpt.123.partial", "last.ckpt.damaged"):
        (folder.path / name).touch()
    folder.finish(record())
    names = {file.name for file in folder.path.iterdir()}
    assert names == {"record.json", "last.ckpt.damaged"}


def test_a_failure_does_not_forget_those_before(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, CONFIG)
    folder.note_failure("error", "one")
    folder.note_failure("crash", "two")
    assert folder.failures() == ("one", "two")


def test_a_record_states_its_format_and_one_that_does_not_is_of_the_first(
    tmp_path: Path,
) -> None:
    path = write_record(tmp_path)
    assert json.loads(path.read_text())["format"] == 1
    tamper(tmp_path, {}, without="format")
    assert list(read_records(tmp_path)) == [record()]
    assert RunFolder(tmp_path, CONFIG).has_record()
    assert "format" not in record().row()


@pytest.mark.parametrize(
    ("change", "without"),
    [
        ({"format": 2, "miou": {"mean": 0.5}}, ""),
        ({"config": CONFIG.model_dump() | {"seed": 4}}, ""),
        ({"config": CONFIG.model_dump() | {"later": 0.5}}, ""),
        ({"config": CONFIG.model_dump() | {"lr": 0.1}}, ""),
        ({"config": None}, ""),
        ({}, "config"),
    ],
)
def test_a_record_that_is_not_plainly_the_runs_own_is_refused(
    tmp_path: Path, change: dict[str, Any], without: str
) -> None:
    """The message says what to do."""
    tamper(tmp_path, change, without)
    folder = RunFolder(tmp_path, CONFIG)
    for look in (folder.has_record, folder.find_record):
        with pytest.raises(InputError, match=f"{REMEDY}$") as refused:
            look()
        assert "\n" not in str(refused.value)


def test_a_run_with_the_same_id_is_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunConfig, "run_id", "same")
    folder, other = RunFolder(tmp_path, CONFIG), RunFolder(tmp_path, RunConfig())
    record().write(folder.record)
    folder.note_failure("error", "no luck")
    assert folder.has_record()
    problem = "belongs to another run with the same id"
    for look in (other.has_record, other.find_record):
        with pytest.raises(InputError, match=problem):
            look()
    assert other.failures() == (f"earlier failures cannot be read: {problem}",)


def test_a_record_without_a_later_key_is_still_the_runs_own(tmp_path: Path) -> None:
    write_record(tmp_path)
    later = Later(block="se", seed=3)
    folder = RunFolder(tmp_path, later)
    assert folder.has_record()
    assert folder.find_record() == record()
    assert LaterRecord.read_own(folder.record).config == later
    assert not RunFolder(tmp_path, Later(block="se", seed=3, dropout=0.5)).has_record()


def test_a_record_with_a_later_key_is_not_taken_for_one_without(tmp_path: Path) -> None:
    later = Later(block="se", seed=3)
    content = record().model_dump() | {"config": later}
    LaterRecord.model_validate(content).write(RunFolder(tmp_path, later).record)
    with pytest.raises(InputError, match=r"config\.dropout = 0\.0.*update the suite"):
        RunFolder(tmp_path, CONFIG).has_record()


def test_a_source_that_a_record_does_not_state_is_not_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block may have been different when the record was written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("class Block: ...")
    config = RunConfig.parse({"block": "mine:Block"})
    assert config.source
    stated = config.model_dump(exclude={"source"})
    path = tamper(tmp_path, {"config": stated})
    folder = RunFolder(tmp_path, config)
    folder.path.mkdir()
    path.rename(folder.record)
    with pytest.raises(InputError, match="belongs to run mine_Block"):
        folder.has_record()
