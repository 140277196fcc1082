"""The cells of a view: means over seeds, then over settings with equal weights."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from reports.completeness import plural
from reports.view_metrics import Metric
from reports.view_runs import Run, Values
from reports.write.cells import shortened


class Cell(NamedTuple):
    value: float
    spread: float  # sample standard deviation over seeds, of one setting; else NaN
    seeds: tuple[int, int]  # the fewest and the most of a setting
    settings: int
    tip: str


def number_of(run: Run, metric: Metric) -> float | None:
    """The metric of one run; None if it is not stated, or has no baseline to compare."""
    value = metric.value(run.record)
    if value is None or not metric.paired:
        return value
    below = metric.value(run.baseline) if run.baseline else None
    return None if below is None else value - below


def cells(
    runs: Sequence[Run],
    metric: Metric,
    axes: tuple[Sequence[str], Sequence[str]],
    rest: Sequence[str],
    chosen: Sequence[str],
) -> dict[tuple[Values, Values], Cell]:
    """By the values of the keys of rows and columns.

    rest are the other keys in which settings differ; chosen, those that a tip states.
    """
    rows, columns = axes
    found: dict[tuple[Values, Values], dict[Values, list[Run]]] = {}
    for run in runs:
        settings = found.setdefault((run.at(rows), run.at(columns)), {})
        settings.setdefault(run.at(rest), []).append(run)
    made = {place: cell(settings, metric, chosen) for place, settings in found.items()}
    return {place: one for place, one in made.items() if one}


def cell(
    settings: Mapping[Values, Sequence[Run]], metric: Metric, chosen: Sequence[str]
) -> Cell | None:
    """None without a number."""
    groups = [group for runs in settings.values() if (group := by_seed(runs, metric))]
    if not groups:
        return None
    means = [float(np.mean([*group.values()])) for group in groups]
    counts = [len(group) for group in groups]
    spread = float("nan")
    if len(groups) == 1 and counts[0] > 1:
        spread = float(np.std([*groups[0].values()], ddof=1))
    ranges = min(counts), max(counts)
    best = {text for runs in settings.values() for run in runs for text in at(run, chosen)}
    tip = "; ".join([size(means, ranges, spread, metric), *sorted(best)])
    return Cell(float(np.mean(means)), spread, ranges, len(groups), tip)


def by_seed(runs: Sequence[Run], metric: Metric) -> dict[int, float]:
    """Runs of a setting and seed are several only if a baseline stands in several."""
    numbers: dict[int, list[float]] = {}
    for run in runs:
        if (number := number_of(run, metric)) is not None:
            numbers.setdefault(run.record.config.seed, []).append(number)
    return {seed: float(np.mean(values)) for seed, values in numbers.items()}


def at(run: Run, keys: Sequence[str]) -> list[str]:
    """The values of keys that were chosen for a cell."""
    return [f"{key} {shortened(run.values.get(key))}" for key in keys]


def size(
    means: Sequence[float], seeds: tuple[int, int], spread: float, metric: Metric
) -> str:
    """What a cell is the mean of, and how much that varies."""
    number = " to ".join(map(str, dict.fromkeys(seeds)))
    text = f"{number} seed{'' if seeds == (1, 1) else 's'}"
    if len(means) == 1:
        low = "" if np.isnan(spread) else f", ± {metric.show(spread).lstrip('+')}"
        return text + low
    low, high = metric.show(min(means)), metric.show(max(means))
    return f"{plural(len(means), 'setting')} of {text}, from {low} to {high}"
