"""The golden files of blocks: `python -m tests.golden_files NAME` writes one, --check all.

A file holds parameters, an input x, a cotangent w, and the results of the formula in
golden_formulas.py: the output y, the derivative grad_x of sum(y * w), and in two files the
attention weights. A file listed in RANDOM_SHAPES can be generated again in full. The random
parameters and inputs of the others were generated once, for the reference code itself: they
cannot be reproduced, and --check recomputes only the results.

The derivative uses complex steps: the imaginary part of f(x + ih) / h is exact to
rounding, since nothing is subtracted.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.golden_formulas import FORMULAS, WEIGHTS, Array, Formula, Parameters

FOLDER = Path(__file__).parent / "golden"
PREFIX = "param/"
STEP = 1e-30
BOUND = 1e-12  # on the difference from a file, relative to its largest entry


class RandomShapes(NamedTuple):
    """Shapes of the random arrays of a file, in this order."""

    parameters: dict[str, tuple[int, ...]]
    x: tuple[int, int, int, int]  # odd sides, so that pooling leaves out a row and a column
    scale: float = (
        1.0  # of the parameters; small ones keep softmax and sigmoid from 0 and 1
    )


CRISS_CROSS = {
    "query_conv.weight": (2, 16),
    "query_conv.bias": (2,),
    "key_conv.weight": (2, 16),
    "key_conv.bias": (2,),
    "value_conv.weight": (16, 16),
    "value_conv.bias": (16,),
    "gamma": (1,),
}
NORM = ("weight", "bias", "running_mean", "running_var")

RANDOM_SHAPES = {
    "non_local_code": RandomShapes(
        {
            "theta.weight": (3, 6),
            "theta.bias": (3,),
            "phi.weight": (3, 6),
            "phi.bias": (3,),
            "g.weight": (3, 6),
            "g.bias": (3,),
            "out.weight": (6, 3),
            "out.bias": (6,),
            "bn.weight": (6,),
            "bn.bias": (6,),
            "bn.running_mean": (6,),
            "bn.running_var": (6,),
            "bn.num_batches_tracked": (),
        },
        x=(2, 6, 5, 7),
    ),
    "criss_cross": RandomShapes(CRISS_CROSS, x=(2, 16, 3, 5), scale=0.3),
    "criss_cross_once": RandomShapes(CRISS_CROSS, x=(2, 16, 5, 3), scale=0.3),
    "coordinate": RandomShapes(
        {
            "conv1.weight": (8, 6),
            "conv1.bias": (8,),
            **{f"bn1.{part}": (8,) for part in NORM},
            "bn1.num_batches_tracked": (),
            "conv_h.weight": (6, 8),
            "conv_h.bias": (6,),
            "conv_w.weight": (6, 8),
            "conv_w.bias": (6,),
        },
        x=(2, 6, 5, 7),
    ),
    "simam": RandomShapes({}, x=(2, 6, 5, 7)),
    "triplet": RandomShapes(
        {
            key: shape
            for gate in ("cw", "hc", "hw")
            for key, shape in (
                (f"{gate}.conv.conv.weight", (1, 2, 7, 7)),
                *((f"{gate}.conv.bn.{part}", (1,)) for part in NORM),
                (f"{gate}.conv.bn.num_batches_tracked", ()),
            )
        },
        x=(2, 6, 5, 7),
        scale=0.3,
    ),
}


def inputs(name: str) -> dict[str, Array]:
    """Parameters, x and w of a file that is generated here; the same on every call."""
    random = np.random.default_rng(0)
    arrays = {}
    for key, shape in RANDOM_SHAPES[name].parameters.items():
        if key.endswith("running_var"):
            arrays[PREFIX + key] = random.uniform(0.5, 2, size=shape)
        elif key.endswith("num_batches_tracked"):
            arrays[PREFIX + key] = np.array(0.0)
        else:
            scale = RANDOM_SHAPES[name].scale
            arrays[PREFIX + key] = scale * random.normal(size=shape)
    return arrays | {key: random.normal(size=RANDOM_SHAPES[name].x) for key in ("x", "w")}


def results(name: str, arrays: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Arrays computed from parameters, x and w."""
    formula, x, w = FORMULAS[name], arrays["x"], arrays["w"]
    parameters = {
        key.removeprefix(PREFIX): array
        for key, array in arrays.items()
        if key.startswith(PREFIX)
    }
    yield "y", np.stack([formula(image, parameters) for image in x])
    slopes = [slope(formula, *pair, parameters) for pair in zip(x, w, strict=True)]
    yield "grad_x", np.stack(slopes)
    if name in WEIGHTS:
        yield "weights", np.stack([WEIGHTS[name](image, parameters) for image in x])


def slope(
    formula: Formula, image: Array, cotangent: Array, parameters: Parameters
) -> Array:
    """The derivative of sum(formula(image) * cotangent), entry by entry."""
    derivative = np.empty(image.shape)
    for entry in np.ndindex(image.shape):
        shifted = image.astype(np.complex128)
        shifted[entry] += 1j * STEP
        derivative[entry] = (formula(shifted, parameters) * cotangent).sum().imag / STEP
    return derivative


def write(name: str) -> Path:
    arrays = inputs(name)
    path = FOLDER / f"{name}.npz"
    np.savez_compressed(path, **arrays, **dict(results(name, arrays)))  # type: ignore[arg-type]
    return path


def read(name: str) -> dict[str, Array]:
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays}


def differences(name: str) -> dict[str, float]:
    """How far a file is from its formula, relative to the largest entry of each array."""
    arrays = read(name)
    expected = inputs(name) if name in RANDOM_SHAPES else {}
    expected |= dict(results(name, arrays))
    return {
        key: float(abs(arrays[key] - array).max() / (abs(array).max() or 1))
        for key, array in expected.items()
    }


def comparison() -> Iterator[tuple[str, bool]]:
    """A line for each file, and whether it agrees with its formula."""
    for name in FORMULAS:
        largest = max(differences(name).values())
        yield f"{name:42}{largest:.1e}\n", largest <= BOUND


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="?", choices=RANDOM_SHAPES, help="the file to write")
    parser.add_argument("--check", action="store_true", help="compare every file")
    args = parser.parse_args()
    if args.name:
        sys.stdout.write(f"{write(args.name)}\n")
    right = True
    for line, within in comparison() if args.check else []:
        sys.stdout.write(line if within else f"DIFFERS {line}")
        right = right and within
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
