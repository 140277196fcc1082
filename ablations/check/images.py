"""Random images for checks, with the statistics of photographs."""

import torch
from torch import Tensor

from ablations.contract import Size

SHARED = 0.9  # of the variance of a colour, in all colours alike


def photograph_noise(count: int, size: Size) -> Tensor:
    """Images (count, 3, height, width), the same every time.

    Their amplitudes fall as 1 / frequency, as in natural images (Field, "Relations between
    the statistics of natural images and the response properties of cortical cells", 1987),
    and their colours are correlated. As in normalised photographs, mean and standard
    deviation are about 0 and 1, but differ from image to image.
    """
    generator = torch.Generator().manual_seed(0)
    grey = spectral_noise(torch.randn(count, 1, *size, generator=generator))
    colours = spectral_noise(torch.randn(count, 3, *size, generator=generator))
    images = SHARED**0.5 * grey + (1 - SHARED) ** 0.5 * colours  # (count, 3, H, W)
    contrast, brightness = torch.randn(2, count, 1, 1, 1, generator=generator) / 2
    varied: Tensor = contrast.exp() * images + brightness
    return varied


def spectral_noise(white: Tensor) -> Tensor:
    """White noise (..., H, W), filtered by 1 / frequency in cycles per image."""
    height, width = white.shape[-2:]
    vertical = torch.fft.fftfreq(height, 1 / height)[:, None]  # (H, 1)
    horizontal = torch.fft.rfftfreq(width, 1 / width)  # (W // 2 + 1)
    frequency = (vertical**2 + horizontal**2).sqrt().clamp(min=1)  # (H, W // 2 + 1)
    filtered = torch.fft.rfft2(white) / frequency
    return standardised(torch.fft.irfft2(filtered, s=(height, width)), dim=(2, 3))


def standardised(images: Tensor, dim: tuple[int, ...]) -> Tensor:
    """Mean 0 and standard deviation 1 over dim."""
    centred = images - images.mean(dim, keepdim=True)
    return centred / centred.square().mean(dim, keepdim=True).sqrt().clamp(min=1e-6)
