"""A batch in parts: gradients of a large batch in the memory of a small one."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

from lightning_modules.data.data_source import VOID


class Part(NamedTuple):
    """Some images of a batch, and the weight of their mean loss in that of the batch."""

    images: Tensor
    labels: Tensor
    weight: Tensor | float


def parts_of(
    images: Tensor, labels: Tensor, number: int, weight: Tensor | float = 1.0
) -> Iterator[Part]:
    """Parts of equal size, weighted by their shares of the labelled pixels.

    So the weighted mean of a loss that is a mean over labelled pixels is the loss of the
    whole batch, times its weight. Weights are 0 if no pixel is labelled.
    """
    if number == 1:
        yield Part(images, labels, weight)
        return
    total = (labels != VOID).sum().clamp(min=1)
    for some_images, some in zip(images.chunk(number), labels.chunk(number), strict=True):
        yield Part(some_images, some, (some != VOID).sum() / total * weight)
