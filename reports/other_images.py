"""Another question than that of seeds: the same trained networks, on other images.

A t interval over seeds says what other trainings would give on these images. The interval
here says what these trainings would give on other images of the same kind. Neither holds
the other's uncertainty.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ablations.errors import InputError

RESAMPLES = 2000


class CountsOfImages(Protocol):
    """What one run predicted of each image; see ablations/image_counts.py."""

    @property
    def titles(self) -> NDArray[np.str_]: ...

    def confusions(self) -> NDArray[np.int64]:
        """(images, classes, classes): a row per class, a column per prediction."""


class OtherImages(NamedTuple):
    difference: float  # in mIoU, of these images
    low: float  # 95 % percentile interval over resampled images
    high: float
    images: int
    runs: int  # pairs of runs


def difference_on_other_images(
    pairs: Sequence[tuple[CountsOfImages, CountsOfImages]],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> OtherImages:
    """Paired bootstrap over images of the mean difference in mIoU, block minus baseline.

    Each pair is a block's run and its baseline's. All runs see the same resampled images,
    which are assumed to be independent draws; frames of one scene are not. mIoU is that of
    the summed confusion matrix of each resample. Raises InputError if the runs were not
    scored on the same images.
    """
    titles = pairs[0][0].titles
    if any(not np.array_equal(titles, run.titles) for pair in pairs for run in pair):
        raise InputError("the runs were not scored on the same images, so are not paired")
    images = len(titles)
    times = np.random.default_rng(seed).multinomial(
        images, np.full(images, 1 / images), size=resamples
    )
    times = np.vstack([np.ones(images, np.int64), times])  # the first: as they are
    scores = [miou(block, times) - miou(baseline, times) for block, baseline in pairs]
    first, *others = np.mean(scores, axis=0)
    low, high = np.quantile(others, [0.025, 0.975])
    return OtherImages(float(first), float(low), float(high), images, len(pairs))


def miou(run: CountsOfImages, times: NDArray[np.int64]) -> NDArray[np.float64]:
    """(resamples): of images that occur as often as times (resamples, images) says.

    The mean over the classes that are labelled or predicted in a resample. Counts are
    summed as float64, exact below 2^53 pixels.
    """
    confusions = run.confusions()
    hits = np.diagonal(confusions, axis1=1, axis2=2)  # (images, classes)
    unions = confusions.sum(axis=1) + confusions.sum(axis=2) - hits
    weights = times.astype(np.float64)
    hit, union = weights @ hits.astype(np.float64), weights @ unions.astype(np.float64)
    iou = np.divide(hit, union, out=np.zeros_like(hit), where=union > 0)
    present = (union > 0).sum(axis=1)
    mean: NDArray[Any] = iou.sum(axis=1) / np.maximum(1, present)
    return mean
