"""The control of the probes: the images of digits_cue, in which the signs decide nothing.

The class of a digit is its shape, so all it takes is in plain sight, and the ceiling of
the digits' mean IoU is 1 for every network. A block that is better here is better without
carrying information.
"""

from functools import partial

import numpy as np

from lightning_modules.data import digits_cue
from lightning_modules.data.data_source import VOID, DataSource, SplitName
from lightning_modules.data.digits import Bytes, prepare
from lightning_modules.data.probe_scenes import ProbeScenes, recolour

CLASSES = ("background", "sign zero", "sign one", "two", "four")


def scene(split: SplitName, index: int, size: int) -> tuple[Bytes, Bytes]:
    """The image (3, S, S) of the cue probe, and labels (S, S) without states."""
    image, labels = digits_cue.scene(split, index, size)
    return image, shapes()[labels]


def shapes() -> Bytes:
    """The class here of each label there."""
    names = np.arange(VOID + 1, dtype=np.uint8)
    for shape, states in enumerate(digits_cue.PROBE.states):
        names[list(states)] = CLASSES.index("two") + shape
    return names


def digits_local() -> DataSource:
    return DataSource(
        "The same digits, whose class is their shape alone",
        CLASSES,
        partial(ProbeScenes, scene, "digits_local"),
        recolour,
        prepare,
    )
