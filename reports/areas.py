"""Pixels of each class: labelled, predicted, and both, from which every IoU is made."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ablations.image_counts import ImageCounts

Pixels = NDArray[np.int64]
Values = NDArray[np.float64]


class Areas(NamedTuple):
    """Numbers of pixels, each (classes) or (images, classes); void pixels are in none."""

    intersection: Pixels  # labelled and predicted as the class
    labelled: Pixels
    predicted: Pixels

    @classmethod
    def of_confusion(cls, confusion: Sequence[Sequence[int]]) -> Self:
        """(classes), of a matrix with a row per label and a column per prediction."""
        counts = np.asarray(confusion, dtype=np.int64)
        return cls(counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0))

    @classmethod
    def of_images(cls, counts: ImageCounts) -> Self:
        """(images, classes), without a dense matrix of each image."""
        shape = len(counts.titles), counts.classes
        areas = cls(*np.zeros((3, *shape), dtype=np.int64))
        pixels, hit = counts.count.astype(np.int64), counts.label == counts.predicted
        np.add.at(areas.labelled, (counts.image, counts.label), pixels)
        np.add.at(areas.predicted, (counts.image, counts.predicted), pixels)
        np.add.at(areas.intersection, (counts.image[hit], counts.label[hit]), pixels[hit])
        return areas

    @property
    def union(self) -> Pixels:
        return self.labelled + self.predicted - self.intersection

    @property
    def iou(self) -> Values:
        """In [0, 1]; NaN for a class that is absent: neither labelled nor predicted."""
        return ratio(self.intersection, self.union)

    def summed(self, axis: int) -> Self:
        """Over images (0) or over classes (1)."""
        return type(self)(*(pixels.sum(axis=axis) for pixels in self))

    def batches(self, size: int) -> Self:
        """(batches, classes): each the sum of so many images, the last of the rest."""
        starts = np.arange(0, len(self.labelled), size)
        return type(self)(*(np.add.reduceat(pixels, starts) for pixels in self))


def ratio(part: ArrayLike, whole: ArrayLike) -> Values:
    """part / whole; NaN where whole is 0."""
    known = np.full(np.shape(whole), np.nan)
    divided: Values = np.divide(part, whole, out=known, where=np.asarray(whole) > 0)
    return divided


def mean_known(values: Values, axis: int | None = None) -> Values:
    """The mean of those that are not NaN; NaN where all are."""
    return ratio(np.nansum(values, axis=axis), (~np.isnan(values)).sum(axis=axis))
