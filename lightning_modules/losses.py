"""Losses over labelled pixels: each is a function and one line here.

A loss is a function of logits (B, classes, H, W), float, and labels (B, H, W), int64, with
VOID where a pixel does not count. Its further arguments are its options. All are computed
in float32 or better, and are 0, with a gradient of 0, if no pixel is labelled.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Annotated

import torch
from pydantic import Field
from segmentation_models_pytorch.losses import DiceLoss, LovaszLoss
from torch import Tensor
from torch.nn import functional as F

from ablations.errors import unknown_name
from ablations.notation import split_outside
from ablations.part_options import naming, plain_part, with_options
from ablations.run_config import SMOOTHED, RunConfig
from lightning_modules.data.data_source import VOID
from lightning_modules.scores import mean_loss

Loss = Callable[[Tensor, Tensor], Tensor]
Weight = Annotated[float, Field(gt=0, le=1000)]
Probability = Annotated[float, Field(gt=0, le=1)]
Number = Annotated[int, Field(ge=1)]
GIVEN = ("logits", "labels", "label_smoothing")  # arguments that are not options


def cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy, with labels as smooth as label_smoothing says"""
    return mean_loss(logits, labels, label_smoothing)


def ohem(
    logits: Tensor, labels: Tensor, threshold: Probability = 0.7, keep: Number = 100_000
) -> Tensor:
    """Cross-entropy of the hard pixels: true class below threshold, at least keep an image

    A. Shrivastava et al. (arXiv 1604.03540), for pixels as in code bases of segmentation.
    The keep * B hardest pixels of a batch count in any case.
    """
    losses = F.cross_entropy(logits, labels, ignore_index=VOID, reduction="none")
    losses = losses[labels != VOID]  # (pixels)
    if not len(losses):
        return losses.sum()
    hardest = losses.detach().sort(descending=True).values
    least = hardest[min(keep * len(labels), len(hardest)) - 1]
    hard = (losses > -math.log(threshold)) | (losses >= least)
    return losses[hard].mean()


def dice(logits: Tensor, labels: Tensor, weight: Weight = 1.0) -> Tensor:
    """1 - Dice coefficient of each class over the batch; a class without labels counts 0

    F. Milletari et al. (arXiv 1606.04797); the mean is over all classes.
    """
    return weight * dice_loss()(logits, labels)


def lovasz(logits: Tensor, labels: Tensor, weight: Weight = 1.0) -> Tensor:
    """Lovász-Softmax: a surrogate of IoU, over the classes that the batch's labels have

    M. Berman et al. (arXiv 1705.08790). smp's takes float32 alone.
    """
    if not (labels != VOID).any():  # smp returns an empty tensor
        return 0.0 * logits.sum()
    return weight * lovasz_loss()(logits.float(), labels)


@cache
def dice_loss() -> Loss:
    loss: Loss = DiceLoss("multiclass", ignore_index=VOID)
    return loss


@cache
def lovasz_loss() -> Loss:
    loss: Loss = LovaszLoss("multiclass", ignore_index=VOID)
    return loss


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
    "ohem": ohem,
    "dice": dice,
    "lovasz": lovasz,
}


def loss_of(config: RunConfig) -> Loss:
    """The sum of the losses that config names, computed in float32."""
    return partial(precise, find_loss(config.loss, config.label_smoothing))


def auxiliary_loss_of(config: RunConfig) -> Loss:
    """Cross-entropy with the same labels, before its weight."""
    return partial(precise, find_loss(SMOOTHED, config.label_smoothing))


def precise(loss: Loss, logits: Tensor, labels: Tensor) -> Tensor:
    """A loss of logits that mixed precision may have computed in 16 bits."""
    with torch.autocast(logits.device.type, enabled=False):
        return loss(logits.float() if logits.itemsize < 4 else logits, labels)


def find_loss(text: str, label_smoothing: float = 0.0) -> Loss:
    """The loss of that name and its options, or a sum; InputError lists the known ones."""
    terms = [find_term(term, label_smoothing) for term in split_outside(text, "+")]

    def total(logits: Tensor, labels: Tensor) -> Tensor:
        first, *others = (term(logits, labels) for term in terms)
        return sum(others, first)

    return terms[0] if len(terms) == 1 else total


def find_term(text: str, label_smoothing: float) -> Loss:
    part = plain_part("loss", text)
    if part.name not in LOSSES:
        raise unknown_name("loss", part.name, LOSSES)
    with naming("loss", text):
        loss = with_options(LOSSES[part.name], part.options, GIVEN)
    smooths = part.name == SMOOTHED
    return partial(loss, label_smoothing=label_smoothing) if smooths else loss
