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
    pairs: Tensor | None = None  # of each image, if they were kept: see image_pairs

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

    Set by_image before a split's first batch to keep the counts of each image, and
    first_image to its number in the split if other processes score those before it.
    """

    by_image = False
    first_image = 0

    confusion: Tensor  # (classes, classes); [i, j] counts pixels of i predicted as j
    losses: list[Tensor]  # the sum of each image
    pairs: list[Tensor]  # of each batch, see image_pairs

    def __init__(self, classes: int) -> None:
        super().__init__()
        empty = torch.zeros(classes, classes, dtype=torch.long)
        self.add_state("confusion", empty, "sum")
        self.add_state("losses", [], "cat")
        self.add_state("pairs", [], "cat")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        predicted = logits.max(dim=1).indices  # as argmax, in a quarter of its time
        self.count(labels, predicted)
        losses = F.cross_entropy(
            logits.float(), labels, ignore_index=VOID, reduction="none"
        )  # (B, H, W)
        self.losses.append(losses.sum(dim=(1, 2)))  # (B)

    def count(self, labels: Tensor, predicted: Tensor) -> None:
        """To be called before the losses of these images are appended."""
        classes = len(self.confusion)
        if not self.by_image:
            self.confusion += count_pairs(labels, predicted, classes)
            return
        each = count_by_image(labels, predicted, classes)  # (B, classes, classes)
        self.confusion += each.sum(dim=0)
        first = self.first_image + sum(map(len, self.losses))
        self.pairs.append(image_pairs(each, first))

    def compute(self) -> Score:
        confusion = self.confusion.cpu()
        total = dim_zero_cat(self.losses).cpu().double().sum().item()
        pairs = dim_zero_cat(self.pairs).cpu() if len(self.pairs) else None
        return Score(total / max(1, int(confusion.sum())), confusion, pairs)


def count_pairs(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """How often each label (rows) was predicted as each class (columns); exact integers."""
    void = classes**2  # an extra bin, which is discarded
    pairs = torch.where(labels == VOID, void, classes * labels + predicted)
    return pairs.flatten().bincount(minlength=void + 1)[:void].view(classes, classes)


def count_by_image(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """The same for each of the images (B, classes, classes)."""
    void = classes**2
    pairs = torch.where(labels == VOID, void, classes * labels + predicted).flatten(1)
    bins = torch.arange(len(labels), device=labels.device)[:, None] * (void + 1)
    counts = (pairs + bins).flatten().bincount(minlength=len(labels) * (void + 1))
    return counts.view(-1, void + 1)[:, :void].view(-1, classes, classes)


def image_pairs(confusions: Tensor, first: int) -> Tensor:
    """The entries of (B, classes, classes) that are not 0: rows of image, label, predicted,
    count. Images are numbered from first on.
    """
    places = confusions.nonzero()  # (rows, 3)
    counts = confusions[tuple(places.T)]
    places[:, 0] += first
    return torch.cat([places, counts[:, None]], dim=1)


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
