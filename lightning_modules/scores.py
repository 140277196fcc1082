"""Loss and mIoU. Void pixels count in neither."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from lightning_modules.data.data_source import VOID


def mean_loss(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy per labelled pixel of a batch; 0 if all are void."""
    total = F.cross_entropy(
        logits,
        labels,
        ignore_index=VOID,
        reduction="sum",
        label_smoothing=label_smoothing,
    )
    return total / (labels != VOID).sum().clamp(min=1)


class Score(NamedTuple):
    """What a network scored on a whole split."""

    loss: float  # cross-entropy per labelled pixel; 0 if there is none
    confusion: Tensor  # (classes, classes); [i, j] counts pixels of i predicted as j

    @property
    def iou(self) -> Tensor:
        """Of each class (classes), in [0, 1]; NaN for an absent one."""
        return class_iou(self.confusion)

    @property
    def miou(self) -> float:
        return mean_iou(self.iou)


class SplitScore(Metric):
    """Loss and confusion matrix over all labelled pixels of a split, however batched.

    A batch is logits (B, classes, H, W) and labels (B, H, W). The mIoU of VOC and
    Cityscapes is that of one matrix for the whole split; torchmetrics'
    segmentation.MeanIoU averages per image, a different quantity. torchmetrics' own
    confusion matrix needs pixels x classes^2 numbers if algorithms are deterministic.
    """

    confusion: Tensor  # (classes, classes); [i, j] counts pixels of i predicted as j
    losses: list[Tensor]  # the sum of each image

    def __init__(self, classes: int) -> None:
        super().__init__()
        empty = torch.zeros(classes, classes, dtype=torch.long)
        self.add_state("confusion", empty, "sum")
        self.add_state("losses", [], "cat")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        predicted = logits.max(dim=1).indices  # as argmax, in a quarter of its time
        self.confusion += count_pairs(labels, predicted, len(self.confusion))
        losses = F.cross_entropy(
            logits.float(), labels, ignore_index=VOID, reduction="none"
        )  # (B, H, W)
        self.losses.append(losses.sum(dim=(1, 2)))  # (B)

    def compute(self) -> Score:
        confusion = self.confusion.cpu()
        total = dim_zero_cat(self.losses).cpu().double().sum().item()
        return Score(total / max(1, int(confusion.sum())), confusion)


def count_pairs(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """How often each label (rows) was predicted as each class (columns); exact integers."""
    void = classes**2  # an extra bin, which is discarded
    pairs = torch.where(labels == VOID, void, classes * labels + predicted)
    return pairs.flatten().bincount(minlength=void + 1)[:void].view(classes, classes)


def class_iou(confusion: Tensor) -> Tensor:
    """Intersection over union of each class; NaN for one neither labelled nor predicted.

    confusion[i, j] counts the pixels of class i that were predicted as class j.
    """
    intersection = confusion.diag()
    union = confusion.sum(dim=0) + confusion.sum(dim=1) - intersection
    return intersection.double() / union  # 0 / 0 is NaN


def mean_iou(iou: Tensor) -> float:
    """Mean over the classes present, in [0, 1]; 0 if there is none."""
    return iou.nanmean().nan_to_num().item()
