"""The counts of pixels of every scored image, kept beside the record that states them.

images.npz holds titles, the number of classes, and in four arrays of one length how many
pixels (count) of an image (image, by its place among the titles) with a label (label) were
predicted as a class (predicted). Pairs that do not occur are left out, and numbers are as
narrow as they can be. Void pixels are not counted.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ablations.errors import InputError, first_line
from ablations.records import ROUNDING, RunRecord, iou_of
from ablations.whole_file import write_whole

Counts = NDArray[np.unsignedinteger[Any]]
COLUMNS = ("image", "label", "predicted", "count")


@dataclass(frozen=True, eq=False)
class ImageCounts:
    """The confusion matrices of images, without their zeros."""

    titles: NDArray[np.str_]  # of all scored images, in their order
    classes: int
    image: Counts
    label: Counts
    predicted: Counts
    count: Counts

    def confusions(self) -> NDArray[np.int64]:
        """(images, classes, classes): [n, i, j] counts pixels of i predicted as j in n."""
        dense = np.zeros((len(self.titles), self.classes, self.classes), np.int64)
        dense[self.image, self.label, self.predicted] = self.count
        return dense

    def confusion(self, times: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """(classes, classes), of all images, or with each as often as times (images) says.

        So scores of a resampled split need no dense matrices.
        """
        total = np.zeros((self.classes, self.classes), np.int64)
        counts = self.count.astype(np.int64)
        if times is not None:
            counts *= times[self.image]
        np.add.at(total, (self.label, self.predicted), counts)
        return total

    def iou(self) -> NDArray[np.float64]:
        """(images, classes), in [0, 1]; NaN for a class neither labelled nor predicted."""
        intersection, union = np.zeros((2, len(self.titles), self.classes))
        hit = self.label == self.predicted
        np.add.at(intersection, (self.image[hit], self.label[hit]), self.count[hit])
        np.add.at(union, (self.image, self.label), self.count)
        np.add.at(union, (self.image[~hit], self.predicted[~hit]), self.count[~hit])
        return np.divide(
            intersection, union, out=np.full_like(union, np.nan), where=union > 0
        )

    def miou(self) -> NDArray[np.float64]:
        """(images): the mean over the classes of each image; NaN if all of it is void."""
        iou = self.iou()
        present = (~np.isnan(iou)).sum(axis=1)
        none = np.full(len(iou), np.nan)
        mean: NDArray[np.float64] = np.divide(
            np.nansum(iou, axis=1), present, out=none, where=present > 0
        )
        return mean

    def write(self, path: Path) -> str:
        """Write whole or not at all; returns the sha256. Raises UnwritableError."""
        content = io.BytesIO()
        np.savez_compressed(
            content,
            titles=self.titles,
            classes=self.classes,
            image=narrow(self.image),
            label=narrow(self.label),
            predicted=narrow(self.predicted),
            count=narrow(self.count),
        )
        write_whole(path, content.getbuffer())
        return hashlib.sha256(content.getbuffer()).hexdigest()


def narrow(numbers: NDArray[Any]) -> Counts:
    """The same whole numbers of 0 or more in as few bytes as the largest one needs."""
    narrowed: Counts = numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))
    return narrowed


def read_image_counts(path: Path, record: RunRecord) -> ImageCounts:
    """The counts of a run's images; InputError unless they are those that it states."""
    run = f"run {record.config.run_id}"
    if record.images is None:
        raise InputError(f"{path}: the record of {run} states no counts of images")
    if not path.is_file():
        raise InputError(f"{path}: no such file, but the record of {run} states it")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(content).hexdigest() != record.images:
        raise InputError(f"{path}: damaged, or not of {run}, whose record states another")
    try:
        counts = parse(content, len(record.iou))
    except Exception as error:  # numpy and zipfile raise errors of many kinds
        reason = first_line(error).removeprefix("ValueError: ")
        raise InputError(f"{path}: does not hold counts of images ({reason})") from None
    if not agree(counts, record):
        raise InputError(f"{path}: its images do not add up to the scores of {run}")
    return counts


def parse(content: bytes, classes: int) -> ImageCounts:
    """ValueError, KeyError and others for a file of another kind; nothing is executed."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        titles = arrays["titles"]
        columns = [arrays[name] for name in COLUMNS]
        stated = int(arrays["classes"])
    if stated != classes:
        raise ValueError(f"of {stated} classes; the record has {classes}")
    if titles.dtype.kind != "U" or titles.ndim != 1:
        raise ValueError("titles are not texts")
    if any(each.dtype.kind != "u" or each.ndim != 1 for each in columns):
        raise ValueError("counts are not whole numbers of 0 or more")
    if len({len(each) for each in columns}) != 1:
        raise ValueError("its arrays differ in length")
    limits = (len(titles), classes, classes, 2**63)
    for name, each, most in zip(COLUMNS, columns, limits, strict=True):
        if each.max(initial=0) >= max(1, most):
            raise ValueError(f"{name} {each.max()} is not below {most}")
    return ImageCounts(titles, classes, *columns)


def agree(counts: ImageCounts, record: RunRecord) -> bool:
    """Whether the images add up to what a record says of the whole split."""
    total = tuple(tuple(row) for row in counts.confusion().tolist())
    if record.confusion is not None:
        return total == record.confusion
    pairs = zip(iou_of(total), record.iou.values(), strict=True)
    return all(
        abs((-1 if one is None else one) - (-1 if other is None else other)) <= ROUNDING
        for one, other in pairs
    )
