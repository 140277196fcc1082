"""Two networks' predictions of the same images: which images, and who is right.

An image is chosen by a rule from the counts that runs keep, never by hand. The mIoU of an
image is the mean over the classes in its truth or in the prediction.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ablations.records import iou_of

Rule = Literal["worst", "median", "best", "difference"]
RULES: tuple[Rule, ...] = get_args(Rule)
Scores = NDArray[np.float64]  # mIoU of each image; NaN if all of it is void
Labels = NDArray[np.uint8]  # (H, W)
Pixels = NDArray[Any]  # (H, W, 3), in [0, 1]

BOTH, ONLY_SECOND, ONLY_FIRST, NEITHER, UNLABELLED = range(5)  # who is right


class Scene(NamedTuple):
    """One image, its truth, and what two networks predict."""

    title: str
    why: str  # the rule that chose it, in a word or two
    image: Pixels
    labels: Labels
    predictions: tuple[Labels, Labels]


class Legend(NamedTuple):
    """What the labels of a data set are called, and their colours in [0, 1]."""

    classes: Sequence[str]
    colours: NDArray[Any]  # (classes, 3)
    void: int  # label of pixels that do not count


def chosen(rule: Rule, first: Scores, second: Scores, count: int) -> list[int]:
    """The images that a rule picks, by their numbers, of those with a score in both runs.

    Of equal images the earlier come first. Fewer than count if there are no more.
    """
    usable = np.flatnonzero(~np.isnan(first) & ~np.isnan(second))
    picked = PICKS[rule](first[usable], second[usable], min(count, len(usable)))
    return [int(usable[number]) for number in picked]


def worst(first: Scores, second: Scores, count: int) -> list[int]:
    """The lowest mIoU of the second run."""
    return ascending(second)[:count]


def best(first: Scores, second: Scores, count: int) -> list[int]:
    return ascending(-second)[:count]


def median(first: Scores, second: Scores, count: int) -> list[int]:
    """Those in the middle of all images in order of the second run's mIoU."""
    begin = (len(second) - count) // 2
    return ascending(second)[begin : begin + count]


def difference(first: Scores, second: Scores, count: int) -> list[int]:
    """The largest gains of the second run over the first, then its largest losses."""
    gains = ascending(first - second)[: -(-count // 2)]
    losses = [number for number in ascending(second - first) if number not in gains]
    return [*gains, *losses[: count - len(gains)]]


def ascending(values: Scores) -> list[int]:
    return [int(number) for number in np.argsort(values, kind="stable")]


PICKS: dict[Rule, Callable[[Scores, Scores, int], list[int]]] = {
    "worst": worst,
    "median": median,
    "best": best,
    "difference": difference,
}
RULE_TEXTS: dict[Rule, str] = {
    "worst": "worst: the lowest mIoU with {second}",
    "median": "median: the middle of all images by mIoU with {second}",
    "best": "best: the highest mIoU with {second}",
    "difference": "difference: the largest gains of {second} over {first}, then the "
    "largest losses",
}


def outcome(scene: Scene, void: int) -> Labels:
    """Who is right at each pixel: BOTH, ONLY_SECOND, ONLY_FIRST, NEITHER or UNLABELLED."""
    first, second = (prediction == scene.labels for prediction in scene.predictions)
    found = np.select(
        [first & second, second, first], [BOTH, ONLY_SECOND, ONLY_FIRST], NEITHER
    )
    return np.where(scene.labels == void, UNLABELLED, found).astype(np.uint8)


def image_miou(labels: Labels, predicted: Labels, classes: int, void: int) -> float:
    """NaN if all of the image is void."""
    counted = labels != void
    pairs = labels[counted].astype(np.int64) * classes + predicted[counted]
    confusion = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    ious = [iou for iou in iou_of(tuple(map(tuple, confusion.tolist()))) if iou is not None]
    return float(np.mean(ious)) if ious else np.nan
