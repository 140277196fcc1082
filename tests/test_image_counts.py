"""The counts of each image are kept with the record, add up to it, and are checked."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ablations.errors import InputError
from ablations.image_counts import ImageCounts, read_image_counts
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.data import create_data
from lightning_modules.execution import Execution
from lightning_modules.inference import Inference
from lightning_modules.run import train
from lightning_modules.scores import (
    SplitScore,
    class_iou,
    count_pairs,
    mean_iou,
)
from tests.fake_data import fake_voc
from tests.test_scores import count_pixels, draw

EXECUTION = Execution(accelerator="cpu", progress_bar=False)
CONFIG = RunConfig(
    dataset="voc2012",
    encoder="tu-test_resnet",
    image_size=16,
    batch_size=2,
    max_steps=3,
    augmentation="scale_crop",
)
SIZES = {"small": (9, 12), "square": (24, 24)}  # of the fake's validation images


def counted(logits: Tensor, labels: Tensor, sizes: list[int]) -> ImageCounts:
    score = SplitScore(logits.shape[1])
    score.by_image = True
    for some, those in zip(
        torch.split(logits, sizes), torch.split(labels, sizes), strict=True
    ):
        score.update(some, those)
    pairs = score.compute().pairs
    assert pairs is not None
    titles = np.array([f"image {number}" for number in range(len(labels))])
    return ImageCounts(titles, logits.shape[1], *pairs.T.numpy())


@pytest.mark.parametrize("classes", [3, 150])
@pytest.mark.parametrize("sizes", [[5], [1, 3, 1], [1, 1, 1, 1, 1]])
def test_each_image_is_counted_as_if_it_were_alone(classes: int, sizes: list[int]) -> None:
    logits, labels = draw(classes, (5, 7, 9))
    labels[3] = 255
    counts = counted(logits, labels, sizes)
    each = counts.confusions()
    predicted = logits.argmax(dim=1)
    for number in range(5):
        alone = count_pixels(labels[number], predicted[number], classes)
        assert each[number].tolist() == alone.tolist()
        iou = class_iou(alone)
        np.testing.assert_allclose(counts.iou()[number], iou.numpy())
        if number != 3:
            assert counts.miou()[number] == pytest.approx(mean_iou(iou))
    assert np.isnan(counts.miou()[3])
    assert np.isnan(counts.iou()[3]).all()
    total = count_pairs(labels, predicted, classes)
    assert counts.confusion().tolist() == total.tolist()


def test_shares_of_a_split_number_their_images_as_the_whole_does() -> None:
    logits, labels = draw(4, (5, 7, 9))
    shares = []
    for begin, end in ((0, 2), (2, 5)):  # as two devices score them
        score = SplitScore(4)
        score.by_image, score.first_image = True, begin
        score.update(logits[begin:end], labels[begin:end])
        shares.append(score.compute().pairs)
    whole = counted(logits, labels, sizes=[5])
    together = torch.cat([pairs for pairs in shares if pairs is not None])
    columns = [whole.image, whole.label, whole.predicted, whole.count]
    assert np.array_equal(together.T.numpy(), np.array(columns))


def test_a_resampled_split_has_the_sum_of_the_images_drawn() -> None:
    counts = counted(*draw(4, (6, 5, 7)), sizes=[6])
    drawn = np.array([0, 5, 5, 2, 5, 1])
    expected = counts.confusions()[drawn].sum(axis=0)
    times = np.bincount(drawn, minlength=6)
    assert np.array_equal(counts.confusion(times), expected)


def test_scores_are_the_same_with_and_without_the_counts_of_images() -> None:
    logits, labels = draw(4, (6, 5, 7))
    plain, by_image = SplitScore(4), SplitScore(4)
    by_image.by_image = True
    for score in (plain, by_image):
        score.update(logits[:4], labels[:4])
        score.update(logits[4:], labels[4:])
    one, other = plain.compute(), by_image.compute()
    assert one.loss == other.loss
    assert torch.equal(one.confusion, other.confusion)
    assert one.pairs is None
    by_image.reset()
    by_image.update(logits, labels)
    again = by_image.compute().pairs
    assert again is not None
    assert other.pairs is not None
    assert torch.equal(again, other.pairs)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with the data in it."""
    folder = tmp_path_factory.mktemp("counts")
    fake_voc(folder)
    return folder


def trained(runs: Path, **changes: Any) -> tuple[RunRecord, ImageCounts]:
    config = CONFIG.changed(**changes)
    execution = EXECUTION.model_copy(update={"data_folder": runs})
    record = train(config, runs / "study", execution)
    return record, read_image_counts(RunFolder(runs / "study", config).images, record)


@pytest.mark.parametrize(
    ("inference", "pixels"),
    [
        ("dataset", [16 * 16, 16 * 16]),
        ("center_crop", [9 * 12, 16 * 16]),
        ("whole", [9 * 12, 24 * 24]),
        ("slide", [9 * 12, 24 * 24]),
    ],
)
def test_a_run_keeps_the_counts_of_all_that_it_scores(
    runs: Path, inference: str, pixels: list[int]
) -> None:
    record, counts = trained(runs, inference=inference)
    assert record.confusion == tuple(map(tuple, counts.confusion().tolist()))
    assert counts.titles.tolist() == ["small", "square"]
    data = create_data(record.config, runs)
    labels = [labels for _, batch in data.val_dataloader() for labels in batch]
    assert [each.numel() for each in labels] == [
        256 if inference in ("dataset", "center_crop") else extent for extent in pixels
    ]
    known = [int((each != 255).sum()) for each in labels]
    assert counts.confusions().sum(axis=(1, 2)).tolist() == known
    assert all(some <= extent for some, extent in zip(known, pixels, strict=True))
    assert record.miou_augmented is None


@pytest.mark.parametrize("score_on", ["val", "test"])
def test_views_are_averaged_in_the_final_score_alone(
    runs: Path, monkeypatch: pytest.MonkeyPatch, score_on: str
) -> None:
    """Of four validations, and a test, one is final; its images are those that count."""
    calls = []
    averaged = Inference.averaged

    def noted(applied: Inference, network: Any, images: Tensor) -> Tensor:
        calls.append(len(images))
        return averaged(applied, network, images)

    monkeypatch.setattr(Inference, "averaged", noted)
    changes = {"seed": 1, "test_augmentation": "flip", "score_on": score_on}
    record, counts = trained(runs, max_steps=4, **changes)
    assert sum(calls) == len(counts.titles) == 2
    assert record.miou_augmented is not None
    assert 0 <= record.miou_augmented <= 1


def test_a_file_is_small_and_the_same_each_time(tmp_path: Path) -> None:
    """Two images of 150 classes; a dense matrix of each would have 22,500 counts."""
    counts = counted(*draw(150, (2, 7, 9)), sizes=[2])
    first = counts.write(tmp_path / "images.npz")
    assert first == counts.write(tmp_path / "again.npz")
    content = (tmp_path / "images.npz").read_bytes()
    assert first == hashlib.sha256(content).hexdigest()
    assert len(content) < 2500
    with np.load(tmp_path / "images.npz", allow_pickle=False) as arrays:
        assert arrays["count"].dtype == arrays["label"].dtype == np.uint8


def resaved(path: Path, **changes: Any) -> None:
    with np.load(path, allow_pickle=False) as arrays:
        content = {**arrays, **changes}
    kept = {name: value for name, value in content.items() if value is not None}
    np.savez_compressed(path, **kept)


WRONG: dict[str, Callable[[Path], object]] = {
    r"no such file, but the record of run \S+ states it": Path.unlink,
    "damaged, or not of run": lambda path: path.write_bytes(path.read_bytes()[:-1]),
}
WRONG_CONTENT: dict[str, Callable[[Path], object]] = {
    r"does not hold counts of images \(": lambda path: path.write_bytes(b"PK\x03\x04"),
    r"\(KeyError: .*label": lambda path: resaved(path, label=None),
    r"\(of 20 classes; the record has 21\)": lambda path: resaved(path, classes=20),
    r"\(Object arrays cannot be loaded": lambda path: resaved(
        path, titles=np.array([{}, []], dtype=object)
    ),
    r"\(titles are not texts\)": lambda path: resaved(path, titles=np.arange(2)),
    r"\(counts are not whole": lambda path: resaved(path, count=np.array([-1])),
    r"\(its arrays differ in length\)": lambda path: resaved(
        path, count=np.array([1], np.uint8)
    ),
    r"\(image 2 is not below 2\)": lambda path: resaved(
        path, image=np.full(1, 2, np.uint8), label=np.zeros(1, np.uint8),
        predicted=np.zeros(1, np.uint8), count=np.ones(1, np.uint8),
    ),
    "its images do not add up to the scores of run": lambda path: resaved(
        path, image=np.zeros(1, np.uint8), label=np.zeros(1, np.uint8),
        predicted=np.zeros(1, np.uint8), count=np.ones(1, np.uint8),
    ),
}  # fmt: skip


@pytest.fixture
def kept(runs: Path, tmp_path: Path) -> tuple[Path, RunRecord]:
    """A copy of a run's file, and its record."""
    record, _ = trained(runs, inference="whole")
    path = tmp_path / "images.npz"
    path.write_bytes(RunFolder(runs / "study", record.config).images.read_bytes())
    return path, record


@pytest.mark.parametrize("message", WRONG)
def test_a_file_that_the_record_does_not_state_is_refused(
    kept: tuple[Path, RunRecord], message: str
) -> None:
    path, record = kept
    WRONG[message](path)
    with pytest.raises(InputError, match=message) as raised:
        read_image_counts(path, record)
    assert str(raised.value).startswith(f"{path}: ")


@pytest.mark.parametrize("message", WRONG_CONTENT)
def test_a_file_with_other_content_is_refused(
    kept: tuple[Path, RunRecord], message: str
) -> None:
    path, record = kept
    WRONG_CONTENT[message](path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    stated = record.model_copy(update={"images": digest})
    with pytest.raises(InputError, match=message) as raised:
        read_image_counts(path, stated)
    assert "\n" not in str(raised.value)


def test_counts_without_a_matrix_in_the_record_must_have_its_iou(
    kept: tuple[Path, RunRecord],
) -> None:
    """As of more than 64 classes."""
    path, record = kept
    without = record.model_copy(update={"confusion": None})
    assert read_image_counts(path, without).classes == 21
    iou = dict.fromkeys(record.iou, 0.5)
    with pytest.raises(InputError, match="do not add up"):
        read_image_counts(path, without.model_copy(update={"iou": iou}))


def test_an_older_record_states_no_counts(kept: tuple[Path, RunRecord]) -> None:
    path, record = kept
    with pytest.raises(InputError, match="states no counts of images"):
        read_image_counts(path, record.model_copy(update={"images": None}))
