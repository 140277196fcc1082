"""Losses against their formulas, spelled out pixel by pixel in float64."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules.losses import LOSSES, auxiliary_loss_of, find_loss, loss_of

CLASSES, VOID = 4, 255
Pixel = tuple[list[float], int]  # probabilities, label


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two images of 5x7; class 3 is never a label, and a fifth of the pixels is void."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, CLASSES, 5, 7, generator=generator, dtype=torch.float64)
    labels = torch.randint(3, (2, 5, 7), generator=generator)
    labels[torch.rand(2, 5, 7, generator=generator) < 0.2] = VOID
    return logits, labels


def pixels(logits: Tensor, labels: Tensor) -> list[Pixel]:
    """The labelled ones."""
    listed: list[Pixel] = []
    for image, marks in zip(logits, labels, strict=True):
        for row in range(marks.shape[0]):
            for column in range(marks.shape[1]):
                values = [math.exp(value) for value in image[:, row, column].tolist()]
                label = int(marks[row, column])
                if label != VOID:
                    listed.append(([value / sum(values) for value in values], label))
    return listed


def smooth_entropy(share: float, found: list[Pixel]) -> float:
    total = 0.0
    for probabilities, label in found:
        target = [share / CLASSES] * CLASSES
        target[label] += 1 - share
        total -= sum(t * math.log(p) for t, p in zip(target, probabilities, strict=True))
    return total / len(found)


def hard_entropy(threshold: float, keep: int, found: list[Pixel]) -> float:
    """At least keep pixels for each of the two images."""
    ordered = sorted(found, key=lambda pixel: pixel[0][pixel[1]])
    hard = [pixel for pixel in ordered if pixel[0][pixel[1]] < threshold]
    chosen = ordered[: max(len(hard), 2 * keep)]
    return sum(-math.log(p[label]) for p, label in chosen) / len(chosen)


def dice_distance(found: list[Pixel]) -> float:
    total = 0.0
    for number in range(CLASSES):
        both = sum(p[number] for p, label in found if label == number)
        sizes = sum(p[number] for p, _ in found) + sum(
            label == number for _, label in found
        )
        present = any(label == number for _, label in found)
        total += (1 - 2 * both / sizes) if present else 0
    return total / CLASSES


def lovasz_softmax(found: list[Pixel]) -> float:
    """Errors, in falling order, times the growth of the Jaccard loss with each of them."""
    losses = []
    for number in sorted({label for _, label in found}):
        truth = [label == number for _, label in found]
        errors = [abs(t - p[number]) for t, (p, _) in zip(truth, found, strict=True)]
        order = sorted(range(len(found)), key=lambda index: -errors[index])
        jaccard = [0.0]
        for end in range(1, len(order) + 1):
            wrong = set(order[:end])
            foreground = {index for index, t in enumerate(truth) if t}
            jaccard.append(1 - len(foreground - wrong) / len(foreground | wrong))
        growth = [after - before for before, after in pairwise(jaccard)]
        ranked = (errors[index] for index in order)
        losses.append(sum(e * g for e, g in zip(ranked, growth, strict=True)))
    return sum(losses) / len(losses)


def test_cross_entropy_is_spread_over_the_classes_of_labelled_pixels_only() -> None:
    logits, labels = batch()
    for share in (0.0, 0.1, 0.7):
        loss = loss_of(RunConfig(label_smoothing=share))
        expected = smooth_entropy(share, pixels(logits, labels))
        assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-10)
        auxiliary = auxiliary_loss_of(RunConfig(label_smoothing=share))
        assert auxiliary(logits, labels).item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("threshold", "keep"), [(0.7, 1), (0.001, 9), (0.3, 1000), (1.0, 1)]
)
def test_ohem_takes_the_pixels_below_the_threshold_and_no_fewer_than_keep(
    threshold: float, keep: int
) -> None:
    logits, labels = batch()
    loss = find_loss(f"ohem(threshold={threshold}, keep={keep})")
    expected = hard_entropy(threshold, keep, pixels(logits, labels))
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-10)


def test_dice_is_the_mean_over_classes_of_the_distance_of_two_fuzzy_sets() -> None:
    logits, labels = batch()
    expected = dice_distance(pixels(logits, labels))
    assert find_loss("dice")(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_lovasz_weighs_each_error_by_what_it_costs_in_iou() -> None:
    logits, labels = batch()
    expected = lovasz_softmax(pixels(logits, labels))
    assert find_loss("lovasz")(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_losses_add_up_with_their_weights() -> None:
    logits, labels = batch()
    parts = [
        find_loss(name)(logits, labels) for name in ("cross_entropy", "dice", "lovasz")
    ]
    whole = find_loss("cross_entropy+dice(weight=0.5)+lovasz(weight=3)")(logits, labels)
    expected = parts[0] + 0.5 * parts[1] + 3 * parts[2]
    assert whole.item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_under_void_does_not_matter(name: str) -> None:
    logits, labels = batch()
    other = torch.where(
        (labels == VOID)[:, None], logits + torch.randn_like(logits), logits
    )
    assert not torch.equal(logits, other)
    loss = find_loss(name)
    assert loss(logits, labels).item() == pytest.approx(loss(other, labels).item())


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_of_void_has_no_loss_and_no_gradient(name: str) -> None:
    logits = batch()[0].requires_grad_()
    loss = find_loss(name)(logits, torch.full((2, 5, 7), VOID))
    [gradient] = torch.autograd.grad(loss, logits)
    assert loss.shape == ()
    assert loss.item() == 0
    assert torch.equal(gradient, torch.zeros_like(logits))


@pytest.mark.parametrize("name", ["cross_entropy", "ohem", "dice"])  # lovasz is in float32
def test_the_gradient_is_that_of_the_value(name: str) -> None:
    logits, labels = batch(1)
    loss = find_loss(name)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda given: loss(given, labels), logits)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_16_bit_logits_are_computed_in_32(name: str) -> None:
    logits, labels = batch()
    half = logits.to(torch.bfloat16)
    loss = loss_of(RunConfig(loss=name))
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(half, labels)
    assert found.dtype == torch.float32
    assert torch.equal(found, loss(half.float(), labels))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("focal", r"unknown loss 'focal' \(known: cross_entropy, ohem, dice, lovasz\)"),
        ("cross_entropy+jaccard", "unknown loss 'jaccard'"),
        (
            "dice(weight=0)",
            r"'dice\(weight=0\)': weight = 0: Input should be greater than 0",
        ),
        ("ohem(threshold=1.5)", "threshold = 1.5: Input should be less than or equal to 1"),
        ("ohem(keep=0)", "keep = 0: Input should be greater than or equal to 1"),
        ("ohem(keep='all')", "keep = 'all': Input should be a valid integer"),
        ("cross_entropy(label_smoothing=0.1)", "takes no options, so not label_smoothing"),
        ("dice(ratio=2)", "unknown option 'ratio'"),
    ],
)
def test_a_loss_that_is_none_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_loss(text)
