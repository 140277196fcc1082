"""The scores of a record are those of the split that its configuration names."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask

from ablations.errors import InputError
from ablations.records import TIMES, RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules import data
from lightning_modules.data.data_source import VOID, DataSource, Fill, SplitName
from lightning_modules.data.probe import Probe
from lightning_modules.execution import Execution
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.training import counts
from lightning_modules.training_losses import NonFiniteLossError
from sweeps.study.check import check_data

IMAGES: dict[SplitName, int] = {"train": 6, "val": 5, "test": 7}
PROBE = Probe(states=((1, 2), (3, 4)), pooled_information=0.0)
CLASSES = ("background", "a in 0", "a in 1", "b in 0", "b in 1")
CONFIG = RunConfig(
    dataset="tiny_probe",
    model="linknet(encoder_depth=2)",
    encoder="tu-test_resnet",
    placement="last_feature",
    image_size=20,
    val_images=3,
    augment=False,
    batch_size=2,
    max_steps=5,
)
SCORED = CONFIG.changed(score_on="test")
EXECUTION = Execution(accelerator="cpu", progress_bar=False)


class TinyScenes:
    """Random labels with some void; the colour is that of the label."""

    def __init__(self, name: SplitName, size: int, folder: Path | None) -> None:
        self.name, self.size = name, size
        self.fingerprint = f"tiny {name}"

    def __len__(self) -> int:
        return IMAGES[self.name]

    def __getitem__(self, index: int) -> tuple[Image, Mask]:
        seed = 100 * list(IMAGES).index(self.name) + index
        random = torch.Generator().manual_seed(seed)
        labels = torch.randint(0, 6, (self.size, self.size), generator=random)
        image = (40 * labels).expand(3, -1, -1).to(torch.uint8)
        return Image(image), Mask(labels.where(labels < 5, VOID).to(torch.uint8))

    def title(self, index: int) -> str:
        return f"scene {index}"

    def check(self, count: int) -> None:
        if self.name == "test" and count != IMAGES["test"]:
            raise AssertionError("every image of the test split is checked")


def prepare(size: int) -> nn.Module:
    identity: nn.Module = v2.Identity()
    return identity


def augment(size: int, fill: Fill) -> nn.Module:
    return prepare(size)


def tiny_probe() -> DataSource:
    return DataSource("Tiny", CLASSES, TinyScenes, augment, prepare, PROBE)


def labels_of(name: SplitName, images: int) -> list[int]:
    """The number of pixels of each class in the first images of a split."""
    scenes = TinyScenes(name, 20, None)
    labels = torch.stack([scenes[i][1].as_subclass(Tensor) for i in range(images)])
    return [int((labels == number).sum()) for number in range(len(CLASSES))]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunRecord]:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(data.DATASETS, "tiny_probe", tiny_probe)
        return {c.score_on: train(c, folder, EXECUTION) for c in (CONFIG, SCORED)}


def test_the_test_split_is_scored_on_all_its_images(records: dict[str, RunRecord]) -> None:
    assert rows(records["val"]) == labels_of("val", 3)
    assert rows(records["test"]) == labels_of("test", 7)


def rows(record: RunRecord) -> list[int]:
    assert record.confusion is not None
    return [sum(row) for row in record.confusion]


def test_the_training_and_its_validations_are_the_same(
    records: dict[str, RunRecord],
) -> None:
    val, test = records["val"], records["test"]
    assert val.curve == test.curve
    assert val.val_loss == test.val_loss
    assert val.test_loss is None
    assert test.test_loss not in (None, test.val_loss)
    last = test.curve[-1]
    assert last["step"] == 5  # validated although only the test split is scored
    assert val.miou == last["val_miou"] != test.miou
    assert val.information == last["val_information"] != test.information


def test_the_information_is_that_of_the_confusion(records: dict[str, RunRecord]) -> None:
    for record in records.values():
        pixels = record.confusion
        assert pixels is not None
        right = pixels[1][1] + pixels[2][2] + pixels[3][3] + pixels[4][4]
        wrong = pixels[1][2] + pixels[2][1] + pixels[3][4] + pixels[4][3]
        expected = 2 * right / (right + wrong) - 1
        assert record.information == pytest.approx(expected, abs=1e-12)


def test_the_fingerprint_is_that_of_the_splits_in_use(
    records: dict[str, RunRecord],
) -> None:
    assert records["val"].data == "tiny train, tiny val"
    assert records["test"].data == "tiny train, tiny val, tiny test"


def test_a_finished_training_is_only_scored_when_it_resumes(
    records: dict[str, RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(data.DATASETS, "tiny_probe", tiny_probe)

    def stop(step: int, loss: float) -> None:
        if step == 5:
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        train(SCORED, tmp_path, EXECUTION, stop)
    assert RunFolder(tmp_path, SCORED).checkpoint.exists()
    timeless = {*TIMES, "failures"}
    resumed = train(SCORED, tmp_path, EXECUTION).model_dump(exclude=timeless)
    assert resumed == records["test"].model_dump(exclude=timeless)


def test_a_test_split_that_cannot_be_used_stops_a_run_before_its_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(data.DATASETS, "tiny_probe", tiny_probe)

    def check(scenes: TinyScenes, count: int) -> None:
        if scenes.name == "test":
            raise InputError("test: a mask is missing")

    monkeypatch.setattr(TinyScenes, "check", check)
    with pytest.raises(InputError, match="a mask is missing"):
        train(SCORED, tmp_path, EXECUTION)
    check_data([CONFIG], EXECUTION)  # does not use it
    with pytest.raises(InputError, match="a mask is missing"):
        check_data([SCORED, CONFIG.changed(val_images=5)], EXECUTION)


def test_a_network_without_a_loss_on_the_test_split_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(data.DATASETS, "tiny_probe", tiny_probe)

    def test_step(
        module: SegmentationModule, batch: tuple[Tensor, Tensor], number: int
    ) -> None:
        module.score.update(module(batch[0]) * torch.nan, batch[1])

    monkeypatch.setattr(SegmentationModule, "test_step", test_step)
    with pytest.raises(NonFiniteLossError, match="test loss is nan after the last step"):
        train(SCORED, tmp_path, EXECUTION)


@pytest.mark.parametrize(("classes", "stated"), [(64, True), (65, False)])
def test_counts_of_many_classes_are_left_out(classes: int, stated: bool) -> None:
    confusion = torch.arange(classes**2).view(classes, classes)
    matrix = counts(confusion)
    assert (matrix is not None) == stated
    assert not matrix or matrix[1][2] == classes + 2
