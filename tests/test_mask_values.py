"""Masks of numbers or colours, against a dictionary that is looked up pixel by pixel."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ablations.errors import InputError
from lightning_modules.data.data_source import VOID
from lightning_modules.data.mask_values import Value, Values, reader

NAMES = ("ground", "road", "house")
COLOURS = ((0, 0, 0), (128, 64, 128), (255, 0, 1))
WHITE = (255, 255, 255)
RANDOM = np.random.default_rng(0)


def read(picture: Image.Image, values: Values, path: Path) -> NDArray[np.uint8]:
    picture.save(path)
    with Image.open(path) as stored:
        return reader(values)(stored, path)


def drawn(classes: tuple[Value, ...], void: tuple[Value, ...]) -> tuple[Any, Any]:
    """Stored values (11, 17) or (11, 17, 3), and the labels that they mean."""
    known = [*classes, *void]
    choice = RANDOM.integers(0, len(known), (11, 17))
    labels = np.where(choice < len(classes), choice, VOID)
    return np.array(known)[choice], labels


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", "png"), ("RGB", "bmp"), ("P", "png"), ("P", "gif"), ("RGBA", "tif")],
)
def test_colours_become_classes(mode: str, suffix: str, tmp_path: Path) -> None:
    values = Values(NAMES, COLOURS, (WHITE, (1, 2, 3)))
    stored, labels = drawn(values.classes, values.void)
    picture = Image.fromarray(stored.astype(np.uint8))
    picture = picture.quantize(5) if mode == "P" else picture.convert(mode)
    assert np.array_equal(read(picture, values, tmp_path / f"mask.{suffix}"), labels)


def test_grey_is_a_colour_of_three_equal_parts(tmp_path: Path) -> None:
    values = Values(NAMES, ((0, 0, 0), (7, 7, 7), WHITE), ())
    stored, labels = drawn((0, 7, 255), ())
    picture = Image.fromarray(stored.astype(np.uint8))
    assert np.array_equal(read(picture, values, tmp_path / "mask.png"), labels)


@pytest.mark.parametrize(
    ("classes", "void", "dtype"),
    [
        ((0, 1, 2), (255,), np.uint8),
        ((0, 255, 3), (), np.uint8),
        ((7, 3, 200), (0, 255), np.uint8),
        ((1000, 3, 65535), (0, 255), np.uint16),
    ],
)
def test_numbers_become_classes(
    classes: tuple[int, ...], void: tuple[int, ...], dtype: Any, tmp_path: Path
) -> None:
    stored, labels = drawn(classes, void)
    picture = Image.fromarray(stored.astype(dtype))
    found = read(picture, Values(NAMES, classes, void), tmp_path / "mask.png")
    assert np.array_equal(found, labels)


@pytest.mark.parametrize(
    ("values", "wrong", "message"),
    [
        (
            Values(NAMES, COLOURS, (WHITE,)),
            (16, 32, 255),
            r"unknown colours #1020ff \(3 pixels\); allowed are #000000 \(ground\), "
            r"#804080 \(road\), #ff0001 \(house\), and #ffffff for void",
        ),
        (
            Values(NAMES, (4, 9, 255), ()),
            5,
            r"unknown labels 5 \(3 pixels\); allowed are 4 \(ground\), 9 \(road\), 255 "
            r"\(house\)$",
        ),
        (Values(NAMES, (0, 1, 2), (255,)), 3, r"unknown labels 3 \(3 pixels\)"),
    ],
)
def test_an_unknown_value_is_named_with_its_pixels(
    values: Values, wrong: Value, message: str, tmp_path: Path
) -> None:
    stored, _ = drawn(values.classes, values.void)
    stored[2:5, 4] = wrong
    with pytest.raises(InputError, match=f"mask.png: {message}"):
        read(Image.fromarray(stored.astype(np.uint8)), values, tmp_path / "mask.png")


@pytest.mark.parametrize(
    ("mode", "name", "message"),
    [("RGB", "mask.jpg", "is a JPEG file"), ("I;16", "mask.png", "image of mode I;16")],
)
def test_what_cannot_hold_colours_is_refused(
    mode: str, name: str, message: str, tmp_path: Path
) -> None:
    picture = Image.new(mode, (5, 4))
    with pytest.raises(InputError, match=message):
        read(picture, Values(NAMES, COLOURS, ()), tmp_path / name)
