"""The lookup probe: the state of each digit is that of the signs of its own colour.

A scene has two opposite hues, each with a state of its own. Along one side are four signs,
two in each hue: zeros or ones, by the state of the hue. Along the opposite side are three
digits, and the class of a digit is its shape together with the state of its hue, so what
must be carried differs from digit to digit.

The two states are independent. In half of the scenes they are equal, and to count the
signs is enough; in the other half the count says nothing. So a network that only counts
has an accuracy of 3/4, which is an information of 1/2. The first half is also what lets
training begin: the lookup is learned after the count.

Ceilings of the digits' mean IoU: 1 with each sign's state, 1/3 without any information.
"""

import colorsys
from functools import partial

import numpy as np
from numpy.random import Generator

from lightning_modules.data.data_source import DataSource, SplitName
from lightning_modules.data.digits import (
    Bytes,
    Floats,
    ground,
    mark,
    paint,
    photograph,
    prepare,
)
from lightning_modules.data.digits_cue import CLASSES
from lightning_modules.data.probe import Probe
from lightning_modules.data.probe_scenes import (
    DIGIT_CELL,
    DIGITS,
    SIGN_CELL,
    SIGNS,
    ProbeScenes,
    generator,
    handwritten,
    layout,
    recolour,
)

PROBE = Probe(states=((3, 4), (5, 6)), pooled_information=0.5)


def scene(split: SplitName, index: int, size: int) -> tuple[Bytes, Bytes]:
    """Draw one scene: image (3, S, S), and labels (S, S) with void around objects."""
    random = generator(split, index)
    states, places = random.integers(2, size=2), layout(random, size)
    colours, keys = opposite_hues(random), in_turn(random, SIGNS)
    canvas = grey(ground(random, random.uniform(0, 0.2), size))
    labels = np.zeros((size, size), np.uint8)
    for key, centre in zip(keys, places.signs, strict=True):
        state = int(states[key])
        coverage = handwritten(random, split, state, centre, SIGN_CELL, size)
        paint(canvas, coverage, colours[key])
        mark(labels, coverage > 0.5, 1 + state)
    for key, centre in zip(in_turn(random, DIGITS), places.digits, strict=True):
        shape = int(random.integers(2))
        coverage = handwritten(random, split, (2, 4)[shape], centre, DIGIT_CELL, size)
        paint(canvas, coverage, colours[key])
        mark(labels, coverage > 0.5, PROBE.states[shape][states[key]])
    return photograph(random, canvas), labels


def opposite_hues(random: Generator) -> list[Floats]:
    """Two saturated colours (3, 1, 1), about half a turn of the colour wheel apart."""
    hues = random.random() + np.array([0, 0.5]) + random.uniform(-0.05, 0.05, 2)
    colours = [colorsys.hls_to_rgb(hue % 1, 0.6, 1) for hue in hues]
    return [np.array(colour, np.float32)[:, None, None] for colour in colours]


def grey(canvas: Floats) -> Floats:
    """The canvas (3, S, S) without its colours."""
    return np.repeat(canvas.mean(axis=0, keepdims=True), 3, axis=0)


def in_turn(random: Generator, count: int) -> list[int]:
    """Which of the two colours each of count objects has: as equally often as possible."""
    keys = random.permutation(np.arange(count) % 2)
    return [int(key) for key in keys ^ random.integers(2)]


def digits_lookup() -> DataSource:
    return DataSource(
        "Digits whose class the far sign of their colour decides",
        CLASSES,
        partial(ProbeScenes, scene, "digits_lookup"),
        recolour,
        prepare,
        PROBE,
    )
