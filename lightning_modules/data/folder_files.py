"""A split of a user's own folder, checked before anything trains on it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ablations.errors import InputError
from lightning_modules.data.absent_classes import absent_class
from lightning_modules.data.data_source import VOID, SplitName
from lightning_modules.data.image_files import open_picture
from lightning_modules.data.mask_values import Values, header_check, reader
from lightning_modules.data.paired_files import Pair, PairedFiles

CONTENT = 100_000_000  # bytes of a split, up to which its fingerprint reads all files
EXAMINED = 1000  # masks, at most, that are read before training to find every class


class FolderFiles(PairedFiles):
    """Images and masks with the values of a description.

    problems are what is wrong with the split as a whole, one line each. Unchecked files
    are used as they are, without those that are missing.
    """

    def __init__(
        self,
        folder: str,
        split: SplitName,
        pairs: Sequence[Pair],
        values: Values,
        origin: str,
        problems: Sequence[str],
        unchecked: bool,
    ) -> None:
        if unchecked:
            pairs = [pair for pair in pairs if all(path.is_file() for path in pair.files)]
        super().__init__(f"{folder} {split}", pairs, reader(values), origin)
        self.split = split
        self.check_header = header_check(values)
        self.values, self.problems, self.unchecked = values, problems, unchecked

    def check(self, count: int) -> None:
        """As PairedFiles; also the split as a whole, and whether each class occurs."""
        if self.unchecked:
            return
        if self.problems:
            rest = len(self.problems) - 1
            raise InputError(
                f"{self.problems[0]}{f' ({rest} more problems)' if rest else ''}"
            )
        super().check(count)
        self.check_classes(count)

    def check_classes(self, count: int) -> None:
        """InputError for a class without a pixel in the first count training images.

        Of other splits all images count: a class that no image has would miss in mIoU.
        """
        pairs = self.pairs[:count] if self.split == "train" else self.pairs
        pixels = np.zeros(VOID + 1, np.int64)
        classes = len(self.values.names)
        for pair in pairs[:EXAMINED]:
            pixels += np.bincount(self.labels(pair).ravel(), minlength=len(pixels))
            if pixels[:classes].all():
                return
        if len(pairs) <= EXAMINED:
            absent = self.values.names[int(pixels[:classes].argmin())]
            void = float(pixels[VOID] / pixels.sum())
            line = absent_class(self.label, absent, len(pairs), void)
            raise InputError(f"{line}; unchecked=True trains nevertheless")

    def labels(self, pair: Pair) -> NDArray[np.uint8]:
        path = pair.files[1]
        with open_picture(path) as picture:
            return self.read_labels(picture, path)

    def digest(self) -> str:
        """A hash of names, of what values mean, and of the content of files.

        Of a split of more than CONTENT bytes the lengths of files are hashed instead.
        """
        digest = hashlib.sha256(repr(self.values).encode())
        paths = [path for pair in self.pairs for path in pair.files]
        lengths = [self.length(path) for path in paths]
        small = sum(lengths) <= CONTENT
        for path, length in zip(paths, lengths, strict=True):
            digest.update(f"{path.name} {length}\n".encode())
            if small:
                digest.update(content(path))
        return digest.hexdigest()[:8]


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
