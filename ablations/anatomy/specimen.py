"""A block that is taken apart: as it is built and awake, and the inputs that it is given.

Some blocks begin as the identity, since a last layer or a gain is zero. What such a block
computes shows only once it is awake: with every parameter that is zero throughout replaced
by one random draw.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.check.images import spectral_noise
from ablations.contract import LoneBlock, Size
from ablations.controls import resolve


class Specimen(NamedTuple):
    """A block in eval mode and float64, evaluated as published, the same every time."""

    block: str
    channels: int
    size: Size

    def as_built(self) -> nn.Module:
        block = resolve(self.block, self.channels, self.size)
        return copy.deepcopy(LoneBlock(block, self.channels, "direct").real()).double()

    def awake(self) -> nn.Module:
        """With a random draw in place of each parameter that is zero throughout."""
        module = self.as_built()
        generator = torch.Generator().manual_seed(1)
        for parameter in module.parameters():
            if not parameter.any():
                parameter.data = drawn(parameter.shape, generator)
        return module

    def inputs(self) -> list[Tensor]:
        """White noise, its negative, and a smooth input, each (1, C, H, W).

        A ReLU that is closed for all of the noise is open for its negative.
        """
        noise = self.noise()
        return [noise, -noise, self.smooth()]

    def noise(self) -> Tensor:
        """Independent normal numbers."""
        generator = torch.Generator().manual_seed(2)
        return torch.randn(1, self.channels, *self.size, generator=generator).double()

    def smooth(self) -> Tensor:
        """Channels with the spectrum of photographs, each around a mean of its own."""
        generator = torch.Generator().manual_seed(3)
        shape = 1, self.channels, *self.size
        means = torch.randn(1, self.channels, 1, 1, generator=generator).double()
        return spectral_noise(torch.randn(shape, generator=generator).double()) + means


def drawn(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Weights that keep the scale of their input; gains and biases between 0.5 and 1.5."""
    if len(shape) < 2:
        return torch.rand(shape, generator=generator).double() + 0.5
    fan_in = max(1, shape[1:].numel())
    deviation: float = fan_in**-0.5
    return torch.randn(shape, generator=generator).double() * deviation
