"""The thorough check of a data set: every file is decoded, every pixel counted."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from ablations.errors import InputError
from lightning_modules.data.absent_classes import absent_class
from lightning_modules.data.data_source import VOID, DataSource, Sample, Split, SplitName
from lightning_modules.data.folder_files import FolderFiles
from lightning_modules.data.image_files import check_end, colours, open_picture
from lightning_modules.data.paired_files import PairedFiles

Size = tuple[int, int]  # height, width


class Examined(NamedTuple):
    """One image: the pixels of each label, its size, and what is wrong with it."""

    title: str
    counts: NDArray[np.int64]  # (256,)
    size: Size
    digest: bytes  # of the pixels, whatever the file
    problems: list[str]


@dataclass
class SplitFindings:
    """What a split holds; pixels and occurrences (256,) are those of each label."""

    name: SplitName
    images: int = 0
    pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    occurrences: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    sizes: set[Size] = field(default_factory=set)
    titles: dict[bytes, str] = field(default_factory=dict)  # by the digest of the pixels
    problems: list[str] = field(default_factory=list)

    def add(self, image: Examined) -> None:
        self.images += 1
        self.pixels += image.counts
        self.occurrences += image.counts > 0
        self.problems += image.problems
        if not image.problems:
            self.sizes.add(image.size)
            self.titles[image.digest] = image.title


class Inspection(NamedTuple):
    """What the splits hold, and every problem in one line each: what it is about: what."""

    splits: list[SplitFindings]
    problems: list[str]


def inspect(
    source: DataSource,
    folder: Path | None,
    names: Sequence[SplitName],
    size: int,
    workers: int,
) -> Inspection:
    """Look at every image of these splits, in that many threads.

    size is for data sets that draw their images. A split that is another one again, as in
    VOC 2012, is left out.
    """
    opened, problems = open_splits(source, folder, names, size)
    findings = [look_at(name, split, workers) for name, split in opened.items()]
    for found in findings:
        problems += found.problems
    problems += duplicates(findings)
    problems += [line for found in findings for line in absent(source, found)]
    return Inspection(findings, list(dict.fromkeys(problems)))


def look_at(name: SplitName, split: Split, workers: int) -> SplitFindings:
    found = SplitFindings(name)
    if isinstance(split, FolderFiles):
        found.problems += split.problems
    for image in examine_all(name, split, workers):
        found.add(image)
    return found


def open_splits(
    source: DataSource, folder: Path | None, names: Sequence[SplitName], size: int
) -> tuple[dict[SplitName, Split], list[str]]:
    """The distinct splits, and why others cannot be opened."""
    opened: dict[SplitName, Split] = {}
    problems = []
    for name in names:
        try:
            split = source.open(name, size, folder)
            if not any(are_same(split, other) for other in opened.values()):
                opened[name] = split
        except InputError as error:
            problems.append(str(error))
    return opened, problems


def are_same(split: Split, other: Split) -> bool:
    if isinstance(split, PairedFiles) and isinstance(other, PairedFiles):
        return list(split.pairs) == list(other.pairs)
    return split.fingerprint == other.fingerprint


def examine_all(name: SplitName, split: Split, workers: int) -> Iterator[Examined]:
    console = Console(stderr=True)
    with ThreadPoolExecutor(workers) as pool:
        try:
            found = pool.map(partial(examine, split), range(len(split)))
            yield from track(
                found,
                f"{name:5}",
                total=len(split),
                console=console,
                disable=not console.is_terminal,
            )
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C, at once


def examine(split: Split, index: int) -> Examined:
    title = split.title(index)
    try:
        image, labels = split[index]
    except InputError as error:
        problems = file_problems(split, index) or [str(error)]
        return Examined(title, np.zeros(256, np.int64), (0, 0), b"", problems)
    counts = np.bincount(labels.numpy().ravel(), minlength=256)
    height, width = image.shape[1:]
    return Examined(title, counts, (height, width), digest((image, labels)), [])


def digest(sample: Sample) -> bytes:
    image = sample[0].numpy()
    return hashlib.blake2b(
        f"{image.shape}".encode() + image.tobytes(), digest_size=16
    ).digest()


def file_problems(split: Split, index: int) -> list[str]:
    """What is wrong with an image's two files, each by itself."""
    if not isinstance(split, PairedFiles):
        return []
    problems = []
    image, mask = split.pairs[index].files
    for path, read in ((image, colours), (mask, split.read_labels)):
        try:
            with open_picture(path) as picture:
                check_end(picture, path)
                read(picture, path)
        except InputError as error:
            problems.append(str(error))
    return problems


def duplicates(findings: Sequence[SplitFindings]) -> list[str]:
    """Images whose pixels are also those of an image in an earlier split."""
    return [
        f"{found.name}, {title}: has the pixels of {other.titles[digest]} in {other.name}"
        for number, found in enumerate(findings)
        for digest, title in found.titles.items()
        for other in findings[:number]
        if digest in other.titles
    ]


def absent(source: DataSource, found: SplitFindings) -> list[str]:
    """Classes that no pixel of a split has."""
    void = float(found.pixels[VOID] / max(1, found.pixels.sum()))
    return [
        absent_class(f"{source.label} {found.name}", name, found.images, void)
        for name, count in zip(source.classes, found.pixels, strict=False)
        if not count
    ]
