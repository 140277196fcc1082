"""The fine probe: strokes of one to two pixels, among arcs as thin that mean nothing.

Twos and fours, each drawn as the outline of its handwriting. What must be kept is not
information from afar, but position: a stroke is thinner than a pixel of a feature map at
a quarter of the resolution. No state is hidden, so the ceiling of the mean IoU is 1 for
every network that sees a digit whole.
"""

from functools import partial

import numpy as np
from numpy.random import Generator

from lightning_modules.data.data_source import DataSource, SplitName
from lightning_modules.data.digits import (
    EDGE,
    Bytes,
    Floats,
    Point,
    centres,
    circle_part,
    ground,
    handwriting,
    ink,
    paint,
    photograph,
    prepare,
    spread,
)
from lightning_modules.data.probe_scenes import (
    ProbeScenes,
    generator,
    recolour,
    samples_of,
)

CLASSES = ("background", "two", "four")
WIDTH = 1.5  # of a stroke, in pixels at any size of the canvas
DIGITS, ARCS = 2, 6  # in a scene
FLAT = 0.02  # change of ink per pixel below which there is no edge


def scene(split: SplitName, index: int, size: int) -> tuple[Bytes, Bytes]:
    """Draw one scene: image (3, S, S), and labels (S, S) without void."""
    random = generator(split, index)
    canvas = ground(random, random.uniform(0, 0.4), size)
    for _ in range(ARCS):
        radius = random.uniform(0.08, 0.5)
        paint(canvas, circle_part(random, radius, WIDTH / size, size), ink(random))
    labels = np.zeros((size, size), np.uint8)
    for centre in centres(random, DIGITS):
        shape = int(random.integers(2))
        sample = random.choice(samples_of(split, (2, 4)[shape]))
        coverage = outline(random, handwriting()[0][sample], centre, size)
        paint(canvas, coverage, ink(random))
        labels[coverage > 0.5] = 1 + shape
    return photograph(random, canvas), labels


def outline(random: Generator, strokes: Point, centre: Point, size: int) -> Floats:
    """Coverage (S, S) of the edge of one sample, WIDTH pixels wide."""
    cell = random.uniform(0.5, 0.72, 2) / 8  # height and width of a sample's pixel
    amount = spread(random, strokes, centre, cell, size)
    slope = np.maximum(np.hypot(*np.gradient(amount)), FLAT)
    coverage: Floats = np.clip(WIDTH / 2 - abs(amount - EDGE) / slope + 0.5, 0, 1)
    return coverage


def digits_fine() -> DataSource:
    return DataSource(
        "Digits drawn in strokes of one to two pixels among thin arcs",
        CLASSES,
        partial(ProbeScenes, scene, "digits_fine"),
        recolour,
        prepare,
    )
