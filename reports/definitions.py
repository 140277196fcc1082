"""What papers and libraries call mIoU: definitions that differ for the same predictions.

Each gives a number in [0, 1], or NaN if not one pixel is labelled. A class is absent where
it is neither labelled nor predicted; its IoU would be 0 / 0.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reports.areas import Areas, mean_known


class Scored(NamedTuple):
    """The images of a split after prediction, in their order."""

    images: Areas  # (images, classes)
    batch_size: int

    @property
    def whole(self) -> Areas:
        """(classes)"""
        return self.images.summed(axis=0)


class Definition(NamedTuple):
    label: str
    meaning: str
    users: str  # where it is found
    miou: Callable[[Scored], float]


def dataset(scored: Scored) -> float:
    return float(mean_known(scored.whole.iou))


def absent_as_zero(scored: Scored) -> float:
    return absent_as(0, scored.whole)


def absent_as_one(scored: Scored) -> float:
    return absent_as(1, scored.whole)


def absent_as(value: float, areas: Areas) -> float:
    """The mean of all IoU, with a value in place of those that would be 0 / 0."""
    if not areas.labelled.any():
        return float("nan")
    return float(np.nan_to_num(areas.iou, nan=value).mean())


def frequency_weighted(scored: Scored) -> float:
    return weighted_iou(scored.whole)


def weighted_iou(areas: Areas) -> float:
    """The mean IoU of classes (classes), each weighing its labelled pixels."""
    weights = areas.labelled / max(1, areas.labelled.sum())
    return float(np.nansum(weights * areas.iou)) if weights.any() else float("nan")


def micro(scored: Scored) -> float:
    return float(scored.whole.summed(axis=0).iou)


def micro_of_images(scored: Scored) -> float:
    return absent_as(1, scored.images.summed(axis=1))


def macro_of_images(scored: Scored) -> float:
    return absent_as(1, scored.images)


def pairs(scored: Scored) -> float:
    return float(mean_known(scored.images.iou))


def pairs_without_first(scored: Scored) -> float:
    return float(mean_known(scored.images.iou[:, 1:]))


def images(scored: Scored) -> float:
    return float(mean_known(mean_known(scored.images.iou, axis=1)))


def classes(scored: Scored) -> float:
    return float(mean_known(mean_known(scored.images.iou, axis=0)))


def batches(scored: Scored) -> float:
    number, size = len(scored.images.labelled), scored.batch_size
    scores = mean_known(scored.images.batches(size).iou, axis=1)  # (batches)
    sizes = np.minimum(size, number - size * np.arange(len(scores)))
    return float(mean_known(np.repeat(scores, sizes)))


DEFINITIONS: dict[str, Definition] = {  # the first is that of this suite
    "dataset": Definition(
        "Data set",
        "one confusion matrix of the split; mean over the classes that are not absent",
        "this suite, Cityscapes' scripts, mmseg's IoUMetric, Hugging Face's mean_iou, "
        "torchmetrics' MulticlassJaccardIndex; VOC's devkit, if no class is absent",
        dataset,
    ),
    "absent_as_zero": Definition(
        "Absent class as 0",
        "one matrix; mean over all classes, an absent one as 0",
        "ADE20K's devkit and PyTorch code; smp's macro with zero_division=0",
        absent_as_zero,
    ),
    "absent_as_one": Definition(
        "Absent class as 1",
        "one matrix; mean over all classes, an absent one as 1",
        "smp's macro by default",
        absent_as_one,
    ),
    "frequency_weighted": Definition(
        "Frequency-weighted",
        "one matrix; mean over classes, weighted by their labelled pixels",
        "FCN's f.w. IU; smp's weighted with such class_weights; "
        'MulticlassJaccardIndex(average="weighted")',
        frequency_weighted,
    ),
    "micro": Definition(
        "Micro",
        "one matrix; sum of all intersections over sum of all unions",
        'smp\'s micro, MulticlassJaccardIndex(average="micro")',
        micro,
    ),
    "micro_of_images": Definition(
        "Micro of each image",
        "micro of each image, 1 if nothing is labelled; mean over images",
        "smp's micro-imagewise",
        micro_of_images,
    ),
    "macro_of_images": Definition(
        "Macro of each image",
        "of each image the mean over all classes, an absent one as 1; mean over images",
        "smp's macro-imagewise",
        macro_of_images,
    ),
    "pairs": Definition(
        "Pairs of image and class",
        "mean over all pairs of an image and a class that is not absent from it",
        "torchmetrics' segmentation.MeanIoU by default",
        pairs,
    ),
    "pairs_without_first": Definition(
        "Pairs without the first class",
        "mean over these pairs without those of class 0, the background",
        "torchmetrics' MeanIoU(include_background=False)",
        pairs_without_first,
    ),
    "images": Definition(
        "Mean over images",
        "of each image the mean over classes not absent from it; mean over images",
        "torchmetrics' functional mean_iou, averaged",
        images,
    ),
    "classes": Definition(
        "Mean over classes of means over images",
        "of each class the mean over images it is not absent from; mean over classes",
        "torchmetrics' MeanIoU(per_class=True), averaged without its -1 for absent classes",
        classes,
    ),
    "batches": Definition(
        "Mean over batches",
        "of each batch what Data set is of the split; mean weighted by images",
        "Lightning's self.log of a batch's mIoU",
        batches,
    ),
}
