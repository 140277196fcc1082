"""Writes tests/golden/non_local_code.npz: python -m tests.golden_non_local_code

The formula is written position by position in NumPy and shares nothing with the block: no
torch, no convolution, no pooling layer. The derivative is by complex steps: the imaginary
part of f(x + ih) / h is exact to rounding, as nothing is subtracted. Pooling compares real
parts.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPE = (2, 6, 5, 7)  # odd sides: the last row and column are not pooled
REDUCED = 3
STEP = 1e-30
EPSILON = 1e-5  # of the batch norm

Array = NDArray[Any]  # real, or complex on the way to a derivative


def formula(image: Array, parameters: dict[str, Array]) -> Array:
    """One image (C, H, W)."""
    height, width = image.shape[1:]
    coarse = [
        window_maximum(image[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2])
        for i in range(height // 2)
        for j in range(width // 2)
    ]
    keys = [affine("phi", features, parameters) for features in coarse]
    values = [affine("g", features, parameters) for features in coarse]
    result = np.empty_like(image)
    for i in range(height):
        for j in range(width):
            query = affine("theta", image[:, i, j], parameters)
            exponentials = [np.exp(query @ key / np.sqrt(REDUCED)) for key in keys]
            context = sum(e * v for e, v in zip(exponentials, values, strict=True))
            residual = affine("out", context / sum(exponentials), parameters)
            result[:, i, j] = image[:, i, j] + normed(residual, parameters)
    return result


def window_maximum(window: Array) -> Array:
    """Of each channel, the entry with the largest real part."""
    flat = window.reshape(len(window), -1)
    return np.array([row[np.argmax(row.real)] for row in flat])


def affine(name: str, features: Array, parameters: dict[str, Array]) -> Array:
    return parameters[f"{name}.weight"] @ features + parameters[f"{name}.bias"]


def normed(features: Array, parameters: dict[str, Array]) -> Array:
    deviation = np.sqrt(parameters["bn.running_var"] + EPSILON)
    scaled = (features - parameters["bn.running_mean"]) / deviation
    return scaled * parameters["bn.weight"] + parameters["bn.bias"]


def golden() -> dict[str, Array]:
    random = np.random.default_rng(0)
    channels = SHAPE[1]
    parameters: dict[str, Array] = {}
    for name in ("theta", "phi", "g", "out"):
        shape = (channels, REDUCED) if name == "out" else (REDUCED, channels)
        parameters[f"{name}.weight"] = random.normal(size=shape)
        parameters[f"{name}.bias"] = random.normal(size=shape[0])
    for name in ("bn.weight", "bn.bias", "bn.running_mean"):
        parameters[name] = random.normal(size=channels)
    parameters["bn.running_var"] = random.uniform(0.5, 2, size=channels)
    x, w = random.normal(size=SHAPE), random.normal(size=SHAPE)
    y = np.stack([formula(image, parameters) for image in x])
    return {
        "x": x,
        "w": w,
        "y": y,
        "grad_x": np.stack([slope(*pair, parameters) for pair in zip(x, w, strict=True)]),
        "param/bn.num_batches_tracked": np.array(0.0),
        **{f"param/{name}": value for name, value in parameters.items()},
    }


def slope(image: Array, cotangent: Array, parameters: dict[str, Array]) -> Array:
    """The derivative of sum(formula(image) * cotangent), entry by entry."""
    found = np.empty(image.shape)
    for place in np.ndindex(image.shape):
        shifted = image.astype(np.complex128)
        shifted[place] += 1j * STEP
        found[place] = (formula(shifted, parameters) * cotangent).sum().imag / STEP
    return found


if __name__ == "__main__":
    path = Path(__file__).parent / "golden" / "non_local_code.npz"
    np.savez_compressed(path, **golden())  # type: ignore[arg-type]
