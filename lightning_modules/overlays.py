"""A predicted mask over its image, above a legend of the classes in it."""

from collections.abc import Sequence

import numpy as np
import PIL.Image
from matplotlib.font_manager import FontProperties, findfont
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from lightning_modules.data.contact_sheet import palette

OPACITY = 0.55  # of the mask
LEAST_SIDE = 480  # pixels of the picture's longer side; smaller images are enlarged
WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (153, 153, 153)

Bytes = NDArray[np.uint8]
Entry = tuple[str, tuple[int, ...]]  # of a legend: text, colour


def colours_of_classes(classes: int) -> Bytes:
    """Red, green and blue of each class (classes, 3), as in contact sheets."""
    colours: Bytes = np.rint(255 * np.array(palette(classes))).astype(np.uint8)
    return colours


def overlay(pixels: Bytes, labels: Bytes, classes: Sequence[str]) -> PIL.Image.Image:
    """For an image (H, W, 3) and labels (H, W): the picture, and its legend below."""
    colours = colours_of_classes(len(classes))
    blend = (1 - OPACITY) * pixels + OPACITY * colours[labels]
    picture = enlarged(PIL.Image.fromarray(np.rint(blend).astype(np.uint8)))
    strip = legend(entries(labels, classes, colours), picture.width)
    sheet = PIL.Image.new("RGB", (picture.width, picture.height + strip.height), WHITE)
    sheet.paste(picture, (0, 0))
    sheet.paste(strip, (0, picture.height))
    return sheet


def enlarged(picture: PIL.Image.Image) -> PIL.Image.Image:
    """By a whole factor, so that pixels stay squares."""
    factor = max(1, LEAST_SIDE // max(picture.size))
    size = (factor * picture.width, factor * picture.height)
    return picture.resize(size, PIL.Image.Resampling.NEAREST)


def entries(labels: Bytes, classes: Sequence[str], colours: Bytes) -> list[Entry]:
    """The classes in a mask, the largest first, with their share of the image."""
    counts = np.bincount(labels.ravel(), minlength=len(classes))
    return [
        (
            f"{classes[number]} {share_text(counts[number] / labels.size)}",
            rgb(colours, number),
        )
        for number in np.argsort(-counts, kind="stable")
        if counts[number]
    ]


def share_text(share: float) -> str:
    return "< 1 %" if share < 0.005 else f"{100 * share:.0f} %"


def rgb(colours: Bytes, number: int) -> tuple[int, ...]:
    return tuple(colours[number].tolist())


def legend(items: Sequence[Entry], width: int) -> PIL.Image.Image:
    """Patches and names in as many lines as the width needs."""
    size = max(13, width // 60)  # of the text, in pixels
    font = ImageFont.truetype(findfont(FontProperties(family="DejaVu Sans")), size)
    height, gap = round(1.7 * size), size
    places: list[tuple[int, int]] = []
    left, line = gap, 0
    for text, _ in items:
        length = round(1.5 * size + font.getlength(text))
        if left > gap and left + length + gap > width:
            left, line = gap, line + 1
        places.append((left, line))
        left += length + gap
    strip = PIL.Image.new("RGB", (width, (line + 1) * height + size), WHITE)
    drawing = ImageDraw.Draw(strip)
    for (text, colour), (x, row) in zip(items, places, strict=True):
        y = row * height + size // 2
        drawing.rectangle((x, y, x + size, y + size), fill=colour, outline=GREY)
        drawing.text(
            (x + round(1.5 * size), y + size / 2), text, fill=BLACK, font=font, anchor="lm"
        )
    return strip
