"""Loss and mIoU: their definition, that neither counts void, and their cost."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassJaccardIndex

from lightning_modules.scores import (
    SplitScore,
    class_iou,
    count_pairs,
    mean_iou,
    mean_loss,
)


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The bytes of the largest tensor that any operator returns."""

    nbytes = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self.nbytes = max([self.nbytes, *(tensor.nbytes for tensor in tensors)])
        return result


def draw(
    classes: int, shape: tuple[int, int, int], void: float = 0.2
) -> tuple[Tensor, Tensor]:
    """Logits (B, classes, H, W) and labels (B, H, W), partly void."""
    random = torch.Generator().manual_seed(0)
    batch, height, width = shape
    logits = torch.randn(batch, classes, height, width, generator=random)
    labels = torch.randint(0, classes, shape, generator=random)
    labels[torch.rand(shape, generator=random) < void] = 255
    return logits, labels


def count_pixels(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """A confusion matrix, counted pixel by pixel."""
    matrix = torch.zeros(classes, classes, dtype=torch.long)
    for label, guess in zip(labels.flatten(), predicted.flatten(), strict=True):
        if label != 255:
            matrix[label, guess] += 1
    return matrix


def test_pairs_are_counted_as_by_hand_and_as_by_torchmetrics() -> None:
    logits, labels = draw(5, (3, 7, 9))
    predicted = logits.argmax(dim=1)
    expected = count_pixels(labels, predicted, 5)
    assert torch.equal(count_pairs(labels, predicted, 5), expected)
    reference = MulticlassConfusionMatrix(5, ignore_index=255)
    assert torch.equal(reference(predicted, labels), expected)


def test_miou_is_that_of_one_confusion_matrix() -> None:
    logits, labels = draw(4, (3, 5, 7))  # class 4 is absent
    predicted = logits.argmax(dim=1)
    iou = class_iou(count_pairs(labels, predicted, 5))
    for name in range(4):
        inside = labels != 255
        both = ((labels == name) & (predicted == name) & inside).sum()
        either = (((labels == name) | (predicted == name)) & inside).sum()
        assert iou[name].item() == pytest.approx((both / either).item())
    assert iou[4].isnan()
    reference = MulticlassJaccardIndex(5, ignore_index=255)(predicted, labels)
    assert mean_iou(iou) == pytest.approx(reference.item())


@pytest.mark.parametrize("sizes", [(6,), (1, 5), (4, 2), (1, 1, 1, 1, 1, 1)])
def test_a_score_does_not_depend_on_the_batches(sizes: tuple[int, ...]) -> None:
    """Neither loss nor mIoU is a mean over batches: each pixel counts once."""
    logits, labels = draw(3, (6, 5, 7))
    labels[0] = 255  # an image of void alone, in its own batch or not
    score = SplitScore(3)
    begin = 0
    for size in sizes:
        score.update(logits[begin : begin + size], labels[begin : begin + size])
        begin += size
    loss, confusion, _ = score.compute()
    assert torch.equal(confusion, count_pixels(labels, logits.argmax(dim=1), 3))
    inside = labels != 255
    picked = -logits.double().log_softmax(1).gather(1, labels.where(inside, 0)[:, None])
    assert loss == pytest.approx(picked[:, 0][inside].mean().item(), rel=1e-6)


def test_a_score_starts_anew_after_reset() -> None:
    logits, labels = draw(3, (2, 5, 7))
    score = SplitScore(3)
    score.update(logits, labels)
    before = score.compute()
    score.reset()
    score.update(logits, labels)
    loss, confusion, _ = score.compute()
    assert loss == before[0]
    assert torch.equal(confusion, before[1])


@pytest.mark.parametrize("shape", [(2, 5, 7), (16, 64, 64)])
def test_the_training_loss_is_the_mean_to_the_last_digit(
    shape: tuple[int, int, int],
) -> None:
    logits, labels = draw(11, shape)
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    loss = mean_loss(ours, labels)
    reference = F.cross_entropy(theirs, labels, ignore_index=255)
    assert loss.item() == reference.item()
    torch.autograd.backward([loss, reference])
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.equal(ours.grad, theirs.grad)


def test_a_batch_of_void_has_no_loss_and_no_gradient() -> None:
    logits, labels = draw(3, (2, 5, 7), void=1)
    logits.requires_grad_()
    loss = mean_loss(logits, labels)
    torch.autograd.backward(loss)
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()
    score = SplitScore(3)
    score.update(logits.detach(), labels)
    assert score.compute()[0] == 0


def test_a_loss_that_is_not_finite_stays_so() -> None:
    logits, labels = draw(3, (2, 5, 7))
    logits[0, 0] = math.nan
    assert mean_loss(logits, labels).isnan()


def test_counting_needs_no_table_of_classes_squared() -> None:
    """Under deterministic algorithms too. 21 classes once took 3.5 kB per pixel."""
    logits, labels = draw(21, (2, 64, 64))
    score = SplitScore(21)
    torch.use_deterministic_algorithms(True)
    try:
        with Largest() as largest:  # type: ignore[no-untyped-call]
            score.update(logits, labels)
    finally:
        torch.use_deterministic_algorithms(False)
    assert 0 < largest.nbytes <= logits.nbytes
