"""Each definition of mIoU is that of the library it names, on the same predictions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import segmentation_models_pytorch as smp
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.functional.segmentation import mean_iou
from torchmetrics.segmentation import MeanIoU

from ablations.image_counts import ImageCounts
from reports.areas import Areas
from reports.definitions import DEFINITIONS, Scored

VOID, CLASSES, BATCH = 255, 6, 3


def maps(seed: int) -> tuple[Tensor, Tensor]:
    """Labels and predictions (7, 9, 5): void pixels, an absent class, one never labelled.

    Class 5 is absent, 4 only predicted; the images show different classes.
    """
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(4, (7, 9, 5), generator=draw)
    noise = torch.randint(5, (7, 9, 5), generator=draw)
    labels[1], noise[1] = labels[1] % 2, noise[1] % 2
    labels[4], noise[4] = 3, noise[4] % 2 + 3
    kept = torch.rand((7, 9, 5), generator=draw) < 0.6
    predicted = torch.where(kept, labels, noise)
    labels[torch.rand((7, 9, 5), generator=draw) < 0.15] = VOID
    return labels, predicted


def with_an_empty_image(labels: Tensor) -> Tensor:
    labels = labels.clone()
    labels[2] = VOID
    return labels


def areas(labels: Tensor, predicted: Tensor) -> Areas:
    """Counted pixel by pixel, (images, classes)."""
    shape = len(labels), CLASSES
    counted = Areas(*np.zeros((3, *shape), dtype=np.int64))
    for number in range(len(labels)):
        pairs = zip(labels[number].flatten(), predicted[number].flatten(), strict=True)
        for label, guess in ((int(one), int(other)) for one, other in pairs):
            if label != VOID:
                counted.labelled[number, label] += 1
                counted.predicted[number, guess] += 1
                counted.intersection[number, label] += label == guess
    return counted


def score(name: str, labels: Tensor, predicted: Tensor) -> float:
    return DEFINITIONS[name].miou(Scored(areas(labels, predicted), BATCH))


def smp_score(reduction: str, **settings: Any) -> Callable[[Tensor, Tensor], float]:
    def of(labels: Tensor, predicted: Tensor) -> float:
        stats = smp.metrics.get_stats(
            predicted, labels, "multiclass", ignore_index=VOID, num_classes=CLASSES
        )
        return float(smp.metrics.iou_score(*stats, reduction=reduction, **settings))

    return of


def smp_weighted(labels: Tensor, predicted: Tensor) -> float:
    frequencies = [float((labels == number).sum()) for number in range(CLASSES)]
    weighted = smp_score("weighted", class_weights=frequencies)
    return weighted(labels, predicted)


def jaccard(average: Any) -> Callable[[Tensor, Tensor], float]:
    def of(labels: Tensor, predicted: Tensor) -> float:
        metric = MulticlassJaccardIndex(CLASSES, average=average, ignore_index=VOID)
        metric.update(predicted, labels)
        return float(metric.compute())

    return of


def mean_iou_metric(per_class: bool, include_background: bool) -> MeanIoU:
    return MeanIoU(CLASSES, include_background, per_class, input_format="index")


def known_pixels(labels: Tensor, predicted: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Image by image without its void pixels: torchmetrics' MeanIoU knows no void."""
    return [
        (guess[label != VOID][None], label[label != VOID][None])
        for label, guess in zip(labels, predicted, strict=True)
    ]


def torchmetrics_score(background: bool) -> Callable[[Tensor, Tensor], float]:
    def of(labels: Tensor, predicted: Tensor) -> float:
        metric = mean_iou_metric(per_class=False, include_background=background)
        for pair in known_pixels(labels, predicted):
            metric.update(*pair)
        return float(metric.compute())

    return of


def torchmetrics_classes(labels: Tensor, predicted: Tensor) -> float:
    metric = mean_iou_metric(per_class=True, include_background=True)
    for pair in known_pixels(labels, predicted):
        metric.update(*pair)
    scores = metric.compute()
    assert scores[5] == -1  # absent
    return float(scores[scores >= 0].mean())


def torchmetrics_images(labels: Tensor, predicted: Tensor) -> float:
    scores = [
        mean_iou(*pair, num_classes=CLASSES, input_format="index")
        for pair in known_pixels(labels, predicted)
    ]
    return float(torch.cat(scores).nanmean())


class BatchLogger(pl.LightningModule):
    """Logs the mIoU of each batch, which Lightning averages."""

    def validation_step(self, batch: tuple[Tensor, Tensor], number: int) -> None:
        self.log("miou", jaccard("macro")(*batch), batch_size=len(batch[0]))


def lightning(labels: Tensor, predicted: Tensor) -> float:
    trainer = pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    loader = DataLoader(TensorDataset(labels, predicted), batch_size=BATCH)
    [scores] = trainer.validate(BatchLogger(), loader, verbose=False)
    return scores["miou"]


LIBRARIES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "dataset": jaccard("macro"),
    "absent_as_zero": smp_score("macro", zero_division=0.0),
    "absent_as_one": smp_score("macro"),
    "frequency_weighted": smp_weighted,
    "micro": smp_score("micro"),
    "micro_of_images": smp_score("micro-imagewise"),
    "macro_of_images": smp_score("macro-imagewise"),
    "pairs": torchmetrics_score(background=True),
    "pairs_without_first": torchmetrics_score(background=False),
    "images": torchmetrics_images,
    "classes": torchmetrics_classes,
    "batches": lightning,
}


def test_every_definition_is_compared_with_a_library() -> None:
    assert list(LIBRARIES) == list(DEFINITIONS)


@pytest.mark.filterwarnings("ignore")  # Lightning's hints
@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_is_that_of_its_library(name: str, empty: bool) -> None:
    for seed in range(3):
        labels, predicted = maps(seed)
        labels = with_an_empty_image(labels) if empty else labels
        expected = LIBRARIES[name](labels, predicted)
        assert score(name, labels, predicted) == pytest.approx(expected, abs=1e-6)


@pytest.mark.filterwarnings("ignore:Zero division:UserWarning")
def test_other_names_of_a_definition_give_the_same() -> None:
    labels, predicted = maps(5)
    for name, other in {
        "micro": jaccard("micro"),
        "frequency_weighted": jaccard("weighted"),
        "absent_as_zero": smp_score("macro", zero_division="warn"),
    }.items():
        expected = other(labels, predicted)
        assert score(name, labels, predicted) == pytest.approx(expected, abs=1e-6)


def test_the_definitions_differ_for_the_same_predictions() -> None:
    scores = [round(score(name, *maps(0)), 6) for name in DEFINITIONS]
    assert len({*scores}) == len(scores)


def test_an_image_alone_has_one_mean_however_it_is_averaged() -> None:
    labels, predicted = maps(1)
    labels, predicted = labels[:1], predicted[:1]
    names = ("dataset", "pairs", "images", "classes", "batches")
    scores = [score(name, labels, predicted) for name in names]
    assert scores == pytest.approx([scores[0]] * len(names))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_split_without_a_labelled_pixel_has_no_miou(name: str) -> None:
    labels, predicted = maps(0)
    assert np.isnan(score(name, torch.full_like(labels, VOID), predicted))


def test_areas_of_sparse_counts_are_those_of_the_pixels() -> None:
    labels, predicted = maps(2)
    expected = areas(labels, predicted)
    known = labels != VOID
    image = torch.arange(7)[:, None, None].expand_as(labels)
    columns = torch.stack([image[known], labels[known], predicted[known]])
    pairs, count = np.unique(columns.numpy(), axis=1, return_counts=True)
    narrow = [each.astype(np.uint8) for each in (*pairs, count)]
    titles = np.array([f"image {number}" for number in range(7)])
    given = Areas.of_images(ImageCounts(titles, CLASSES, *narrow))
    for one, other in zip(given, expected, strict=True):
        assert np.array_equal(one, other)


def test_areas_of_a_confusion_matrix_are_its_diagonal_rows_and_columns() -> None:
    given = Areas.of_confusion(((6, 9, 0), (1, 4, 0), (0, 0, 0)))
    assert [list(pixels) for pixels in given] == [[6, 4, 0], [15, 5, 0], [7, 13, 0]]
    assert given.iou == pytest.approx([6 / 16, 4 / 14, float("nan")], nan_ok=True)
