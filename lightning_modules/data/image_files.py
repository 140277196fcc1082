"""Image and mask files: reading and checking them. Errors name the file.

An image is a single picture in any format that PIL reads. Its colours are read as stored:
transparency is dropped and the EXIF orientation is ignored, since masks have neither.
16-bit grey and floats in [0, 1] are scaled to bytes; wider integers must fit in 16 bits.

A mask holds one label per pixel: a grey or palette PNG of any depth. Formats that change
values, such as JPEG, are refused.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torchvision.tv_tensors import Image, Mask

from ablations.errors import InputError
from lightning_modules.data.data_source import VOID, Sample

SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
WHITE = dict.fromkeys(SIXTEEN_BITS, 65535.0) | {"F": 1.0}  # others are bytes
MASK_MODES = ("1", "L", "P", *SIXTEEN_BITS)
MASK_FORMATS = ("PNG", "TIFF", "BMP", "GIF")
NARROW = {"L;2": 85, "L;4": 17}  # PIL stretches 2-bit and 4-bit grey to 255
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}  # the last bytes of a complete file
ORIENTATION = 0x0112  # in EXIF; 5 to 8 swap height and width

Files = tuple[Path, Path]  # image, mask
# From an opened mask: labels (H, W), classes or VOID; InputError for any other.
ReadLabels = Callable[[PIL.Image.Image, Path], NDArray[np.uint8]]
CheckMask = Callable[[PIL.Image.Image, Path], None]  # of its header; raises InputError


def as_stored(classes: int) -> ReadLabels:
    """Masks that hold the classes themselves, and VOID."""

    def read(picture: PIL.Image.Image, path: Path) -> NDArray[np.uint8]:
        labels = stored_labels(picture, path)
        check_labels(labels, classes, path)
        return labels.astype(np.uint8)

    return read


def read_pair(files: Files, read_labels: ReadLabels) -> Sample:
    """An image (3, H, W) and its labels (H, W), classes or VOID."""
    image, mask = files
    with open_picture(image) as picture, open_picture(mask) as mask_picture:
        pixels = colours(picture, image)  # (H, W, 3)
        check_sizes(files, picture, mask_picture)
        labels = read_labels(mask_picture, mask)  # (H, W)
    return (
        Image(torch.from_numpy(pixels.transpose(2, 0, 1))),
        Mask(torch.from_numpy(labels)),
    )


def check_pairs(pairs: Iterable[Files], check_header: CheckMask) -> None:
    """Check headers, and decode what looks truncated. InputError says what is wrong."""
    problems = [problem for pair in pairs if (problem := problem_of(pair, check_header))]
    if problems:
        more = f" ({len(problems) - 1} more are unusable)" if problems[1:] else ""
        raise InputError(f"{problems[0]}{more}")


def problem_of(files: Files, check_header: CheckMask) -> str:
    """What is wrong with an image or its mask and shows without decoding, or ''."""
    image, mask = files
    try:
        with open_picture(image) as picture, open_picture(mask) as mask_picture:
            check_header(mask_picture, mask)
            check_sizes(files, picture, mask_picture)
            check_end(picture, image)
            check_end(mask_picture, mask)
    except InputError as error:
        return str(error)
    return ""


def open_picture(path: Path) -> PIL.Image.Image:
    """A picture, with only its header read so far."""
    with blaming(path):
        if not path.is_file():
            raise InputError(f"{path}: not found, or not a file")
        picture = PIL.Image.open(path)
        frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # a camera's, with a preview
        picture.close()
        raise InputError(f"{path}: contains {frames} frames, not one image")
    return picture


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Turn PIL's errors about a file into an InputError that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL's advice on metadata
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # PIL's readers raise errors of many kinds
        raise InputError(f"{path}: {reason(error, path)}") from None


def reason(error: Exception, path: Path) -> str:
    """Why PIL could not read a file."""
    bombs = (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError)
    if isinstance(error, bombs):
        return f"has more than {PIL.Image.MAX_IMAGE_PIXELS:,} pixels, the limit"
    if isinstance(error, PIL.UnidentifiedImageError):
        empty = path.stat().st_size == 0
        return "is empty" if empty else "is not an image, or its header is damaged"
    detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"cannot be read ({detail.splitlines()[0]})"


def check_end(picture: PIL.Image.Image, path: Path) -> None:
    """Decode a file that does not end the way files of its format do."""
    end = ENDS.get(picture.format or "", b"")
    with path.open("rb") as file:
        file.seek(-len(end), os.SEEK_END)
        whole = file.read() == end
    if not whole:
        with blaming(path):
            picture.load()


def colours(picture: PIL.Image.Image, path: Path) -> NDArray[np.uint8]:
    """Red, green and blue (H, W, 3)."""
    with blaming(path):
        if picture.mode in WHITE:
            grey = scaled(np.array(picture), WHITE[picture.mode], path)  # (H, W)
            return np.stack([grey] * 3, axis=2)  # (H, W, 3)
        if picture.mode == "P":
            picture = picture.convert("RGBA")  # a palette may hold transparency
        return np.array(picture.convert("RGB"))


def scaled(values: NDArray[Any], white: float, path: Path) -> NDArray[np.uint8]:
    """Values from 0 to white as bytes."""
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= white):
        raise InputError(
            f"{path}: has values from {low:g} to {high:g}; expected 0 to {white:g}"
        )
    return np.rint(values * (255 / white)).astype(np.uint8)


def stored_labels(picture: PIL.Image.Image, path: Path) -> NDArray[Any]:
    """The labels of a mask (H, W), as its file stores them."""
    check_mask(picture, path)
    tiles = getattr(picture, "tile", [])
    layout = tiles[0].args if tiles else ""
    stretch = NARROW.get(layout[:3], 1) if isinstance(layout, str) else 1
    with blaming(path):
        labels = np.array(picture)
    return labels.astype(np.uint8) // stretch if labels.dtype.itemsize == 1 else labels


def check_mask(picture: PIL.Image.Image, path: Path) -> None:
    """InputError unless a mask has one label per pixel, in a lossless format."""
    what = "a mask has one label per pixel, as a grey or palette PNG"
    check_kind(picture, path, MASK_MODES, what)


def check_kind(
    picture: PIL.Image.Image, path: Path, modes: Sequence[str], what: str
) -> None:
    """InputError unless a mask is lossless and of one of PIL's modes; what says which."""
    if picture.format not in MASK_FORMATS:
        raise InputError(f"{path}: is a {picture.format} file; masks are PNG files")
    if picture.mode not in modes:
        raise InputError(f"{path}: is an image of mode {picture.mode}; {what}")


def check_sizes(
    files: Files, picture: PIL.Image.Image, mask_picture: PIL.Image.Image
) -> None:
    if picture.size == mask_picture.size:
        return
    (width, height), (mask_width, mask_height) = picture.size, mask_picture.size
    turned = picture.format != "TIFF" and picture.getexif().get(ORIENTATION, 1) >= 5
    note = " (as stored; its EXIF orientation is not applied)" if turned else ""
    raise InputError(
        f"{files[0]}: is {width}x{height} pixels{note}, "
        f"but its mask {files[1]} is {mask_width}x{mask_height}"
    )


def check_labels(labels: NDArray[Any], classes: int, path: Path) -> None:
    """InputError, listing labels that are neither below classes nor VOID."""
    wrong = labels[((labels < 0) | (labels >= classes)) & (labels != VOID)]
    if not wrong.size:
        return
    raise InputError(
        f"{path}: unknown labels {counted(wrong, str)}; allowed are 0 to {classes - 1}, "
        f"and {VOID} for void"
    )


def counted(values: NDArray[Any], name: Callable[[int], str]) -> str:
    """The first distinct values, each with the number of its pixels."""
    numbers, counts = (part.tolist() for part in np.unique(values, return_counts=True))
    listing = ", ".join(
        f"{name(number)} ({count:,} pixel{'s' if count > 1 else ''})"
        for number, count in list(zip(numbers, counts, strict=True))[:5]
    )
    return listing + (f" and {len(numbers) - 5} more" if numbers[5:] else "")
