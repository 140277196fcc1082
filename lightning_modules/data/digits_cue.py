"""The cue probe: one bit for the whole scene, from beyond the receptive field.

Four signs along one side are all zeros or all ones. The digits along the opposite side
are twos and fours, and the class of a digit is its shape together with that bit. Any path
that carries one number across the image is enough.

Ceilings of the digits' mean IoU: 1 with the bit, 1/3 without. The signs are classes, too,
so that recognising them is learned from their own labels; they are no part of that score.
"""

from functools import partial

import numpy as np

from lightning_modules.data.data_source import DataSource, SplitName
from lightning_modules.data.digits import (
    Bytes,
    ground,
    ink,
    mark,
    paint,
    photograph,
    prepare,
)
from lightning_modules.data.probe import Probe
from lightning_modules.data.probe_scenes import (
    DIGIT_CELL,
    SIGN_CELL,
    ProbeScenes,
    generator,
    handwritten,
    layout,
    recolour,
)

CLASSES = (
    "background", "sign zero", "sign one",
    "two by zero", "two by one", "four by zero", "four by one",
)  # fmt: skip
PROBE = Probe(states=((3, 4), (5, 6)), pooled_information=1.0)


def scene(split: SplitName, index: int, size: int) -> tuple[Bytes, Bytes]:
    """Draw one scene: image (3, S, S), and labels (S, S) with void around objects."""
    random = generator(split, index)
    state, places = int(random.integers(2)), layout(random, size)
    canvas = ground(random, random.uniform(0, 0.4), size)
    labels = np.zeros((size, size), np.uint8)
    for centre in places.signs:
        coverage = handwritten(random, split, state, centre, SIGN_CELL, size)
        paint(canvas, coverage, ink(random))
        mark(labels, coverage > 0.5, 1 + state)
    for centre in places.digits:
        shape = int(random.integers(2))
        coverage = handwritten(random, split, (2, 4)[shape], centre, DIGIT_CELL, size)
        paint(canvas, coverage, ink(random))
        mark(labels, coverage > 0.5, PROBE.states[shape][state])
    return photograph(random, canvas), labels


def digits_cue() -> DataSource:
    return DataSource(
        "Digits whose class far signs decide, all with one bit",
        CLASSES,
        partial(ProbeScenes, scene, "digits_cue"),
        recolour,
        prepare,
        PROBE,
    )
