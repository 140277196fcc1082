"""The cells of a W&B sweep file: its `parameters`, expanded as W&B's own engine does.

Grid: names in alphabetical order at each level, the last one varies fastest; `int_uniform`
and `q_uniform` count as grids. Random: one independent draw per parameter and cell, here
with a fixed seed, so that a sweep that is started again asks for the same cells.
https://docs.wandb.ai/guides/sweeps/sweep-config-keys
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from ablations.errors import InputError, unknown_name

Names = tuple[str, ...]  # of a parameter, from the outermost
Cell = dict[str, Any]
Spec = Mapping[str, Any]


def grid(parameters: Mapping[str, Spec]) -> Iterator[Cell]:
    """Every combination of values. Raises InputError for a parameter without a grid."""
    leaves = dict(leaf_parameters(parameters))
    choices = [grid_values(path, spec) for path, spec in leaves.items()]
    for values in itertools.product(*choices):
        yield nest(dict(zip(leaves, values, strict=True)))


def random(parameters: Mapping[str, Spec], count: int, seed: int = 0) -> Iterator[Cell]:
    """The first count cells of an endless random search."""
    leaves = dict(leaf_parameters(parameters))
    for number in range(count):
        generator = np.random.default_rng([seed, number])
        yield nest({path: draw(path, spec, generator) for path, spec in leaves.items()})


def leaf_parameters(
    parameters: Mapping[str, Spec], above: Names = ()
) -> Iterator[tuple[Names, Spec]]:
    """Parameters with a value or a distribution, found through nested `parameters`."""
    for name in sorted(parameters):
        spec, path = parameters[name], (*above, name)
        if not isinstance(spec, Mapping) or not spec:
            raise InputError(
                f"parameter {dotted(path)} needs `value: X`, `values: [X, ...]` or a "
                f"distribution, not {spec!r}"
            )
        if "parameters" in spec:
            yield from leaf_parameters(spec["parameters"], path)
        else:
            yield path, spec


def dotted(path: Names) -> str:
    return ".".join(path)


def nest(flat: Mapping[Names, Any]) -> Cell:
    """{("a", "b"): 1} is {"a": {"b": 1}}."""
    cell: Cell = {}
    for path, value in flat.items():
        inner = cell
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
    return cell


def grid_values(path: Names, spec: Spec) -> list[Any]:
    name = distribution_of(path, spec)
    if name == "constant":
        return [spec["value"]]
    if name == "categorical":
        return list(spec["values"])
    if name == "int_uniform":
        return list(range(spec["min"], spec["max"] + 1))
    if name == "q_uniform":
        step = spec.get("q", 1)
        return [*np.arange(spec["min"], spec["max"], step).tolist()]  # without the end
    raise InputError(
        f"parameter {dotted(path)}: a grid needs value, values, int_uniform or q_uniform, "
        f"not {name}"
    )


def distribution_of(path: Names, spec: Spec) -> str:
    """The stated distribution, or what W&B infers. Raises InputError naming what is off."""
    known: dict[str, set[str]] = {
        "constant": {"value"},
        "categorical": {"values"},
    } | {name: needs for name, (needs, _) in DISTRIBUTIONS.items()}
    name = spec.get("distribution") or inferred(spec)
    if name not in known:
        raise InputError(
            f"parameter {dotted(path)}: {unknown_name('distribution', name, known)}"
        )
    missing = known[name] - set(spec)
    extra = set(spec) - known[name] - {"distribution", "q", "mu", "sigma", "probabilities"}
    if missing or extra:
        wrong = ", ".join(sorted(missing or extra))
        raise InputError(
            f"parameter {dotted(path)}: {name} {'needs' if missing else 'has no'} {wrong}"
        )
    if name == "categorical" and not (isinstance(spec["values"], list) and spec["values"]):
        raise InputError(
            f"parameter {dotted(path)}: values = {spec['values']!r} is no list"
        )
    return str(name)


def inferred(spec: Spec) -> str:
    if "value" in spec:
        return "constant"
    if "values" in spec:
        return "categorical"
    if "min" in spec and "max" in spec:
        whole = isinstance(spec["min"], int) and isinstance(spec["max"], int)
        return "int_uniform" if whole else "uniform"
    return "none"


def draw(path: Names, spec: Spec, generator: Generator) -> Any:
    name = distribution_of(path, spec)
    if name == "constant":
        return spec["value"]
    if name == "categorical":
        index = generator.choice(len(spec["values"]), p=spec.get("probabilities"))
        return spec["values"][int(index)]
    _, sample = DISTRIBUTIONS[name]
    return sample(spec, generator)


def quantised(
    sample: Callable[[Spec, Generator], float],
) -> Callable[[Spec, Generator], float]:
    """Rounded to multiples of q (1 unless given)."""

    def rounded(spec: Spec, generator: Generator) -> float:
        step: float = spec.get("q", 1)
        return float(round(sample(spec, generator) / step) * step)

    return rounded


def int_uniform(spec: Spec, generator: Generator) -> int:
    return int(generator.integers(spec["min"], spec["max"], endpoint=True))


def uniform(spec: Spec, generator: Generator) -> float:
    return float(generator.uniform(spec["min"], spec["max"]))


def log_uniform(spec: Spec, generator: Generator) -> float:
    """min and max are natural logarithms."""
    return math.exp(uniform(spec, generator))


def log_uniform_values(spec: Spec, generator: Generator) -> float:
    return math.exp(generator.uniform(math.log(spec["min"]), math.log(spec["max"])))


def inv_log_uniform_values(spec: Spec, generator: Generator) -> float:
    """1 / X is log-uniform between 1 / max and 1 / min."""
    return 1 / math.exp(generator.uniform(-math.log(spec["max"]), -math.log(spec["min"])))


def normal(spec: Spec, generator: Generator) -> float:
    return float(generator.normal(spec.get("mu", 0), spec.get("sigma", 1)))


def log_normal(spec: Spec, generator: Generator) -> float:
    return math.exp(normal(spec, generator))


RANGE = {"min", "max"}
DISTRIBUTIONS: dict[str, tuple[set[str], Callable[[Spec, Generator], Any]]] = {
    "int_uniform": (RANGE, int_uniform),
    "uniform": (RANGE, uniform),
    "q_uniform": (RANGE, quantised(uniform)),
    "log_uniform": (RANGE, log_uniform),
    "log_uniform_values": (RANGE, log_uniform_values),
    "q_log_uniform": (RANGE, quantised(log_uniform)),
    "q_log_uniform_values": (RANGE, quantised(log_uniform_values)),
    "inv_log_uniform_values": (RANGE, inv_log_uniform_values),
    "normal": (set(), normal),
    "q_normal": (set(), quantised(normal)),
    "log_normal": (set(), log_normal),
    "q_log_normal": (set(), quantised(log_normal)),
}
