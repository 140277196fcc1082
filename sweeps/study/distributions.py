"""The distributions of W&B's sweep parameters: the keys of each, and how it is sampled.

https://docs.wandb.ai/guides/sweeps/sweep-config-keys
"""

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from numpy.random import Generator

from ablations.errors import InputError, quoted, unknown_name
from ablations.yaml_file import number_hint

Spec = Mapping[str, Any]  # of a parameter, as in the sweep file
Sample = Callable[[Spec, Generator], Any]


class Kind(NamedTuple):
    """The values that a key of a distribution accepts."""

    allowed: str
    holds: Callable[[Any], bool]


class Distribution(NamedTuple):
    """The keys a distribution needs, those it may have, and one draw."""

    needs: Mapping[str, Kind]
    may_have: Mapping[str, Kind]
    sample: Sample


def is_finite(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -sys.float_info.max <= value <= sys.float_info.max  # type: ignore


def is_whole(value: object) -> bool:
    return is_finite(value) and isinstance(value, int) and -(2**63) <= value < 2**63


def are_probabilities(value: object) -> bool:
    numbers = isinstance(value, list) and all(is_finite(p) and p >= 0 for p in value)
    return numbers and abs(math.fsum(value) - 1) < 1e-8  # type: ignore[arg-type]


LARGEST = 709  # exp of more is not a float
ANYTHING = Kind("", lambda value: True)
VALUES = Kind("a list of values", lambda value: isinstance(value, list) and bool(value))
WHOLE = Kind("a whole number", is_whole)
NUMBER = Kind("a finite number", is_finite)
ABOVE_ZERO = Kind("a finite number above 0", lambda value: is_finite(value) and value > 0)
FROM_ZERO = Kind(
    "a finite number of at least 0", lambda value: is_finite(value) and value >= 0
)
LOGARITHM = Kind(
    f"a natural logarithm of at most {LARGEST}",
    lambda value: is_finite(value) and value <= LARGEST,
)
PROBABILITIES = Kind("a list of non-negative numbers that sum to 1", are_probabilities)


def check_spec(spec: Spec) -> str:
    """The name of a parameter's distribution; InputError for a spec that is not one."""
    name = spec["distribution"] if "distribution" in spec else implied_name(spec)
    if not (isinstance(name, str) and name in DISTRIBUTIONS):
        raise unknown_name("distribution", name, DISTRIBUTIONS)
    needs, may_have, _ = DISTRIBUTIONS[name]
    for key in needs:
        if key not in spec:
            raise InputError(f"{name} needs {key}")
    for key in spec:
        if key not in {"distribution", *needs, *may_have}:
            raise InputError(f"{name} does not take {quoted(key)}")
    for key, kind in {**needs, **may_have}.items():
        if key in spec and not kind.holds(spec[key]):
            value = spec[key]
            raise InputError(
                f"{key} = {quoted(value)} is not {kind.allowed}{number_hint(value)}"
            )
    check_together(spec)
    return name


def check_together(spec: Spec) -> None:
    """Check the keys that depend on each other."""
    if "min" in spec and "max" in spec and spec["min"] > spec["max"]:
        raise InputError(f"min = {spec['min']} is above max = {spec['max']}")
    values, probabilities = spec.get("values"), spec.get("probabilities")
    if probabilities is not None and len(values or ()) != len(probabilities):
        raise InputError(
            f"{len(probabilities)} probabilities for {len(values or ())} values"
        )


def implied_name(spec: Spec) -> str:
    """The distribution that W&B assumes if none is stated."""
    if "value" in spec:
        return "constant"
    if "values" in spec:
        return "categorical"
    if "min" in spec and "max" in spec:
        whole = isinstance(spec["min"], int) and isinstance(spec["max"], int)
        return "int_uniform" if whole else "uniform"
    raise InputError("needs `value: X`, `values: [X, ...]` or a distribution")


def draw(spec: Spec, name: str, generator: Generator) -> Any:
    """One value; InputError for one that no float can hold."""
    try:
        value = DISTRIBUTIONS[name].sample(spec, generator)
    except OverflowError:
        value = math.inf
    if isinstance(value, float) and name != "categorical" and not math.isfinite(value):
        raise InputError(f"{name} drew a number that is too large for a float")
    return value


def constant(spec: Spec, generator: Generator) -> Any:
    return spec["value"]


def categorical(spec: Spec, generator: Generator) -> Any:
    index = generator.choice(len(spec["values"]), p=spec.get("probabilities"))
    return spec["values"][int(index)]


def quantised(sample: Callable[[Spec, Generator], float]) -> Sample:
    """Rounds samples to multiples of q (default: 1)."""

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


RANGE = {"min": NUMBER, "max": NUMBER}
LOGARITHMS = {"min": LOGARITHM, "max": LOGARITHM}
POSITIVE = {"min": ABOVE_ZERO, "max": ABOVE_ZERO}
BELL = {"mu": NUMBER, "sigma": FROM_ZERO}
LOG_BELL = {"mu": LOGARITHM, "sigma": FROM_ZERO}
STEP = {"q": ABOVE_ZERO}

DISTRIBUTIONS = {
    "constant": Distribution({"value": ANYTHING}, {}, constant),
    "categorical": Distribution(
        {"values": VALUES}, {"probabilities": PROBABILITIES}, categorical
    ),
    "int_uniform": Distribution({"min": WHOLE, "max": WHOLE}, {}, int_uniform),
    "uniform": Distribution(RANGE, {}, uniform),
    "q_uniform": Distribution(RANGE, STEP, quantised(uniform)),
    "log_uniform": Distribution(LOGARITHMS, {}, log_uniform),
    "log_uniform_values": Distribution(POSITIVE, {}, log_uniform_values),
    "q_log_uniform": Distribution(LOGARITHMS, STEP, quantised(log_uniform)),
    "q_log_uniform_values": Distribution(POSITIVE, STEP, quantised(log_uniform_values)),
    "inv_log_uniform_values": Distribution(POSITIVE, {}, inv_log_uniform_values),
    "normal": Distribution({}, BELL, normal),
    "q_normal": Distribution({}, BELL | STEP, quantised(normal)),
    "log_normal": Distribution({}, LOG_BELL, log_normal),
    "q_log_normal": Distribution({}, LOG_BELL | STEP, quantised(log_normal)),
}
