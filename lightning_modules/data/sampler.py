"""Which images make up which training step: a function of the seed and the step alone."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler


class Draw(NamedTuple):
    """One use of an image in training."""

    image: int
    number: int  # of draws before this one since step 0; seeds the augmentation


class StepSampler(Sampler[list[Draw]]):
    """The batches of a training; a resumed training starts at first_step.

    Every epoch has its own order of images. A batch may cross the end of an epoch, so no
    batch is partial and all images are used equally often. The batches of several devices
    together are those of one.
    """

    def __init__(
        self,
        images: int,
        batch_size: int,
        steps: int,
        seed: int,
        first_step: int = 0,
        device: int = 0,
        devices: int = 1,
    ) -> None:
        self.images, self.batch_size, self.steps = images, batch_size, steps
        self.seed, self.first_step = seed, first_step
        self.share = share(batch_size, device, devices)

    def __len__(self) -> int:
        """Steps of the whole training: Lightning itself counts those before a resume."""
        return self.steps

    def __iter__(self) -> Iterator[list[Draw]]:
        for step in range(self.first_step, self.steps):
            first = step * self.batch_size
            yield [self.draw(first + position) for position in self.share]

    def draw(self, number: int) -> Draw:
        epoch, position = divmod(number, self.images)
        return Draw(order(self.seed, epoch, self.images)[position], number)


def share(count: int, device: int, devices: int) -> range:
    """The part of count things in order that belongs to one of several devices.

    One after the other the parts are the whole; their sizes differ by at most 1.
    """
    return range(count * device // devices, count * (device + 1) // devices)


@lru_cache(maxsize=2)
def order(seed: int, epoch: int, images: int) -> list[int]:
    """The images in the order of one epoch."""
    permutation: list[int] = (
        np.random.default_rng([seed, epoch]).permutation(images).tolist()
    )
    return permutation
