"""Kept weights score what the run scored, and only on data with their classes."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from ablations.cli import main
from ablations.errors import InputError
from ablations.evaluations import Evaluation
from ablations.run_folder import RunFolder, read_records
from lightning_modules import data
from lightning_modules.data.data_source import DataSource
from lightning_modules.data.digits import DigitScenes, digits
from lightning_modules.evaluation import Scored, check_classes, evaluate
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.weights import load_run
from tests.test_weights import EXECUTION, SMALL, Finished

TESTED = SMALL.changed(score_on="test", block="se", placement="last_feature")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(TESTED, tmp_path_factory.mktemp("runs"), "last")


def test_on_the_split_of_the_record_the_scores_are_those_of_the_record(
    finished: Finished,
) -> None:
    again, record = evaluate(finished.folder.path, Scored(), EXECUTION), finished.record
    assert (again.split, again.images) == ("test", 400)
    assert (again.miou, again.iou, again.confusion) == (
        record.miou,
        record.iou,
        record.confusion,
    )
    assert again.loss == record.test_loss
    assert again.data in record.data


def test_the_other_split_has_the_scores_of_the_validation(finished: Finished) -> None:
    scored = evaluate(finished.folder.path, Scored(split="val"), EXECUTION)
    assert scored.images == 5
    assert scored.miou == finished.record.val_miou == finished.record.curve[-1]["val_miou"]
    assert scored.loss == finished.record.val_loss
    assert (scored.kept, scored.step) == ("last", 6)


def test_every_scoring_has_a_file_of_its_own_beside_the_record(finished: Finished) -> None:
    before = finished.folder.record.read_bytes()
    results = [
        evaluate(finished.folder.path, Scored(split=split), EXECUTION)
        for split in ("val", "test", "val")
    ]
    files = sorted(path.name for path in finished.folder.path.glob("evaluation-*.json"))
    assert files == sorted({result.file_name for result in results})
    assert len(files) == 2
    for result in results:
        path = finished.folder.path / result.file_name
        assert Evaluation.read_of(path, TESTED) == result
    assert finished.folder.record.read_bytes() == before
    assert len(list(read_records(finished.folder.study_folder))) == 1


def test_another_data_set_is_scored_on_all_its_images(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(data.DATASETS, "more_digits", more_digits)
    scored = evaluate(finished.folder.path, Scored("more_digits", "val"), EXECUTION)
    assert (scored.dataset, scored.images) == ("more_digits", 7)
    assert scored.config == TESTED


class Few(DigitScenes):
    def __len__(self) -> int:
        return 7


def more_digits() -> DataSource:
    return digits()._replace(label="Few digits", open=Few)


def test_data_with_other_classes_are_refused_with_the_first_that_differs(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(finished.folder.path), "--dataset", "digits_cue"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "class 1 is 'sign zero' in the data set and 'zero' in the weights (data" in line
    names = load_run(finished.folder).classes
    check_classes("digits", names)
    for other, message in [
        (names[:-1], "class 10 is 'nine' in the data set and missing in the weights"),
        ((*names, "ten"), "class 11 is missing in the data set and 'ten' in the weights"),
    ]:
        with pytest.raises(InputError, match=message):
            check_classes("digits", other)


def test_the_command_prints_every_class_and_the_mean(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(finished.folder.path), "--accelerator", "cpu"]) == 0
    *rows, last = capsys.readouterr().out.splitlines()
    record = finished.record
    assert [row.split()[0] for row in rows] == list(record.iou)
    shown = "–" if record.iou["one"] is None else f"{100 * record.iou['one']:.2f}"
    assert rows[2].split() == ["one", shown]
    assert last.startswith(f"mIoU {100 * record.miou:.2f} %  {finished.folder.path}")
    assert (
        RunFolder(finished.folder.study_folder, TESTED)
        .path.joinpath(last.rpartition("/")[2])
        .exists()
    )


def test_a_loss_that_is_no_number_is_said_in_one_line(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(module: SegmentationModule, images: Tensor) -> Tensor:
        logits: Tensor = module.model(images)
        return logits * torch.nan

    monkeypatch.setattr(SegmentationModule, "forward", forward)
    with pytest.raises(InputError, match=r"digits 1 val \w+: the loss on it is nan"):
        evaluate(finished.folder.path, Scored(split="val"), EXECUTION)


@pytest.mark.parametrize("way", ["whole", "slide"])
def test_views_have_a_score_of_their_own(finished: Finished, way: str) -> None:
    plain, flipped = (
        evaluate(finished.folder.path, Scored(None, "val", way, views), EXECUTION)
        for views in ("none", "flip")
    )
    assert plain.miou == flipped.miou == finished.record.val_miou
    assert plain.miou_augmented is None
    assert flipped.miou_augmented not in (None, flipped.miou)


@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_run_that_scores_its_best_network_keeps_it(tmp_path: Path, keep: str) -> None:
    config = SMALL.changed(lr=0.5, ema=0.5, select="best", validations=6)
    record = train(config, tmp_path, EXECUTION.model_copy(update={"keep_weights": keep}))
    again = evaluate(RunFolder(tmp_path, config).path, Scored(), EXECUTION)
    assert (again.kept, again.step) == ("best", record.step)
    assert (again.miou, again.loss) == (record.miou, record.val_loss)


def test_an_average_is_kept_as_it_is_scored(tmp_path: Path) -> None:
    config = SMALL.changed(ema=0.5, auxiliary_loss=0.4, channels_last=True)
    record = train(config, tmp_path, EXECUTION.model_copy(update={"keep_weights": "last"}))
    again = evaluate(RunFolder(tmp_path, config).path, Scored(), EXECUTION)
    assert (again.miou, again.loss) == (record.miou, record.val_loss)
