"""A split of image files, each with a mask file."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ablations.errors import InputError
from lightning_modules.data.data_source import Sample
from lightning_modules.data.image_files import (
    CheckMask,
    Files,
    ReadLabels,
    check_mask,
    check_pairs,
    read_pair,
)


class Pair(NamedTuple):
    """An image and its mask, and what people call them."""

    title: str
    files: Files


class PairedFiles:
    """Images (3, H, W) and labels (H, W), of any sizes, in the order of pairs.

    label begins the fingerprint. origin is what lists the files, for the error about a
    missing one.
    """

    check_header: CheckMask = staticmethod(check_mask)

    def __init__(
        self, label: str, pairs: Sequence[Pair], read_labels: ReadLabels, origin: str
    ) -> None:
        self.label, self.pairs = label, pairs
        self.read_labels, self.origin = read_labels, origin

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        return read_pair(self.pairs[index].files, self.read_labels)

    def title(self, index: int) -> str:
        return self.pairs[index].title

    def check(self, count: int) -> None:
        check_pairs((pair.files for pair in self.pairs[:count]), self.check_header)

    @cached_property
    def fingerprint(self) -> str:
        return f"{self.label} {len(self)} {self.digest()}"

    def digest(self) -> str:
        """A hash of all names and file lengths; InputError names a missing file."""
        digest = hashlib.sha256()
        for pair in self.pairs:
            for path in pair.files:
                digest.update(f"{path.name} {self.length(path)}\n".encode())
        return digest.hexdigest()[:8]

    def length(self, path: Path) -> int:
        try:
            if path.is_file():
                return path.stat().st_size
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        raise InputError(f"{path}: not found, but {self.origin} lists it")
