"""The cells of a W&B sweep file: its `parameters`, expanded as W&B's own engine does.

Grid: names in alphabetical order at each level, the last one varying fastest; `int_uniform`
and `q_uniform` count as grids. Random: one independent draw per parameter and cell, here
with a fixed seed, so that restarting a sweep yields the same cells. Everything is checked
before the first cell, including the number of cells.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ablations.errors import InputError, quoted
from sweeps.study.distributions import Spec, check_spec, draw

Names = tuple[str, ...]  # of a parameter, from the outermost
Cell = dict[str, Any]
CELLS = 100_000  # in a sweep, at most


def grid(parameters: Mapping[str, Spec]) -> Iterator[Cell]:
    """Every combination of values. Raises InputError for a parameter without a grid."""
    leaves, sizes = dict(leaf_parameters(parameters)), []
    for path, spec in leaves.items():
        with about(path):
            sizes.append(grid_size(spec))
    check_number(math.prod(sizes))
    choices = [grid_values(spec) for spec in leaves.values()]
    for values in itertools.product(*choices):
        yield nest(dict(zip(leaves, values, strict=True)))


def random(parameters: Mapping[str, Spec], count: int, seed: int = 0) -> Iterator[Cell]:
    """The first count cells of an endless random search."""
    check_number(count)
    leaves, names = dict(leaf_parameters(parameters)), {}
    for path, spec in leaves.items():
        with about(path):
            names[path] = check_spec(spec)
    for number in range(count):
        generator, flat = np.random.default_rng([seed, number]), {}
        for path, spec in leaves.items():
            with about(path):
                flat[path] = draw(spec, names[path], generator)
        yield nest(flat)


def check_number(cells: int) -> None:
    if cells > CELLS:
        raise InputError(f"{cells:,} cells; a sweep has at most {CELLS:,}")


@contextmanager
def about(path: Names) -> Iterator[None]:
    """Add the parameter's name to an error."""
    try:
        yield
    except InputError as error:
        raise InputError(f"parameter {'.'.join(path)}: {error}") from None


def leaf_parameters(
    parameters: Mapping[str, Spec], above: Names = ()
) -> Iterator[tuple[Names, Spec]]:
    """Parameters with a value or a distribution, at any level of nested `parameters`."""
    for name in sorted(parameters):
        spec, path = parameters[name], (*above, name)
        with about(path):
            check_shape(spec)
        if "parameters" in spec:
            yield from leaf_parameters(spec["parameters"], path)
        else:
            yield path, spec


def check_shape(spec: object) -> None:
    if not isinstance(spec, Mapping) or not spec:
        raise InputError(
            f"needs `value: X`, `values: [X, ...]` or a distribution, not {quoted(spec)}"
        )
    if "parameters" not in spec:
        return
    inner = spec["parameters"]
    if not isinstance(inner, Mapping) or not inner:
        raise InputError(f"parameters = {quoted(inner)} is not a mapping of parameters")
    if len(spec) > 1:
        others = ", ".join(quoted(key) for key in spec if key != "parameters")
        raise InputError(f"nested parameters cannot be combined with {others}")


def nest(flat: Mapping[Names, Any]) -> Cell:
    """{("a", "b"): 1} is {"a": {"b": 1}}."""
    cell: Cell = {}
    for path, value in flat.items():
        inner = cell
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
    return cell


def grid_size(spec: Spec) -> int:
    """The number of a parameter's values. Raises InputError for one without a grid."""
    name = check_spec(spec)
    if "probabilities" in spec:
        raise InputError("probabilities have no meaning in a grid; use method: random")
    if name in {"constant", "categorical"}:
        return len(grid_values(spec))
    if name == "int_uniform":
        return int(spec["max"] - spec["min"] + 1)
    if name != "q_uniform":
        raise InputError(
            f"a grid needs value, values, int_uniform or q_uniform, not {name}"
        )
    return steps(spec["min"], spec["max"], spec.get("q", 1))


def steps(low: float, high: float, step: float) -> int:
    """The number of values from low to below high, counted as by numpy's arange."""
    number = (float(high) - float(low)) / step
    if number > CELLS:
        raise InputError(f"q_uniform in steps of {step} has more than {CELLS:,} values")
    if number <= 0:
        raise InputError("q_uniform has no values: max is excluded")
    return math.ceil(number)


def grid_values(spec: Spec) -> list[Any]:
    """The values of a parameter that has passed its check."""
    if "value" in spec:
        return [spec["value"]]
    if "values" in spec:
        return list(spec["values"])
    if check_spec(spec) == "int_uniform":
        return list(range(spec["min"], spec["max"] + 1))
    return [*np.arange(spec["min"], spec["max"], spec.get("q", 1)).tolist()]  # without max
