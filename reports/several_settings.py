"""A gain over several settings: seeds within settings, and settings as the unit."""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import NamedTuple, TypeVar

import numpy as np

from reports.statistics import interval, sign_flip_p

Subject = TypeVar("Subject")


class Summary(NamedTuple):
    """The gain of one block over settings, each with the same weight."""

    means: list[float]  # the mean gain of each setting
    gain: float  # their mean
    low: float  # Student's t interval over settings
    high: float
    p: float  # exact sign-flip test of the settings' mean gains, two-sided
    won: int  # settings with a mean gain above zero
    between: float  # standard deviation of true gains between settings; 0 if not seen
    within: float  # standard deviation of gains between seeds, pooled; NaN for one each


def summary(gains: Sequence[Sequence[float]]) -> Summary:
    """Summarise gains paired by seed, a sequence for each setting, none of them empty.

    Random effects: settings are taken for a sample of those that might have been asked,
    and their true gains for independent draws around the mean that is estimated. The
    variance of a setting's mean holds both the spread between settings and the noise of
    its seeds, so the interval needs no estimate of either. Weights are equal, whatever the
    number of seeds. Settings that share runs, such as the baseline of two placements, are
    not independent, and then the interval is too narrow if their errors have one sign.
    """
    means = [float(np.mean(values)) for values in gains]
    low, high = interval(means)
    between, within = spreads(gains)
    return Summary(
        means=means,
        gain=float(np.mean(means)),
        low=low,
        high=high,
        p=sign_flip_p(means),
        won=sum(mean > 0 for mean in means),
        between=between,
        within=within,
    )


def spreads(gains: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Standard deviations between and within settings, by the method of moments.

    The variance of the settings' means is that between settings plus that of their noise.
    """
    freedom = sum(len(values) - 1 for values in gains)
    if freedom == 0:
        return float("nan"), float("nan")
    squares = [float(np.var(values)) * len(values) for values in gains]
    within = sum(squares) / freedom
    if len(gains) < 2:
        return float("nan"), sqrt(within)
    noise = within * sum(1 / len(values) for values in gains) / len(gains)
    seen = float(np.var([np.mean(values) for values in gains], ddof=1))
    return sqrt(max(0.0, seen - noise)), sqrt(within)


def gathered(
    settings: Iterable[Mapping[Subject, Sequence[float]]],
) -> dict[Subject, list[Sequence[float]]]:
    """By subject, such as a block, its gains in each setting where it has any."""
    subjects: dict[Subject, list[Sequence[float]]] = {}
    for setting in settings:
        for subject, gains in setting.items():
            subjects.setdefault(subject, []).append(gains)
    return subjects
