"""Masks whose numbers are not the classes themselves, but stand for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from ablations.errors import InputError
from lightning_modules.data.data_source import VOID
from lightning_modules.data.image_files import ReadLabels, counted, stored_labels


def by_table(classes: Mapping[int, int]) -> ReadLabels:
    """Masks in which each number stands for a class, or for VOID; InputError for others."""
    table = np.full(max(classes) + 1, VOID, np.uint8)
    table[list(classes)] = list(classes.values())
    known = np.array(list(classes))

    def read(picture: PIL.Image.Image, path: Path) -> NDArray[np.uint8]:
        stored = stored_labels(picture, path)
        check_known(stored, known, path)
        labels: NDArray[np.uint8] = table[stored]
        return labels

    return read


def check_known(stored: NDArray[Any], known: NDArray[Any], path: Path) -> None:
    """InputError, listing the numbers that are not known."""
    wrong = stored[~np.isin(stored, known)]
    if wrong.size:
        raise InputError(
            f"{path}: unknown labels {counted(wrong, str)}; "
            f"allowed are {known.min()} to {known.max()}"
        )
