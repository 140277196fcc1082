"""The figures of `ablate bench-study` for the networks of a comparison, in base units."""

from collections.abc import Mapping, Sequence
from typing import Any

from pandas import DataFrame

from ablations.timings import (
    NetworkTiming,
    Spread,
    StudyTimings,
    TimedNetwork,
    timed_network,
)
from reports.comparison import Comparison
from reports.tables import block_names

FIGURES = ("latency", "batch", "step")  # that have a spread over rounds
RATIOS = ("latency", "step", "peak")  # figures that are also shown over the baseline's


def covering(comparison: Comparison, timings: Sequence[StudyTimings]) -> list[StudyTimings]:
    """The timings that have a network of this setting."""
    networks = {*networks_of(comparison).values()} if timings else set()
    return [
        one for one in timings if any(timing.network in networks for timing in one.networks)
    ]


def networks_of(comparison: Comparison) -> dict[str, TimedNetwork]:
    """The network of each row of a comparison, by the block's name in tables."""
    records = comparison.records
    names = block_names(records)
    networks = {
        name: timed_network(record.config, len(record.iou))
        for name, record in zip(names, records, strict=True)
    }
    return {name: networks[name] for name in comparison.numbers["block"]}


def timing_numbers(
    networks: Mapping[str, TimedNetwork], timings: StudyTimings
) -> DataFrame:
    """One row for each of these networks that was timed, in base units.

    latency, batch, step   seconds: medians of one image, of a batch, of a training step
    *_iqr                  distance of the quartiles
    images_per_second      batch_size / batch
    peak                   bytes
    *_ratio                over the baseline's of the same measurement
    problem                why a figure is missing
    """
    found = {timing.network: timing for timing in timings.networks}
    return DataFrame(
        [
            timing_row(name, found[network], timings)
            for name, network in networks.items()
            if network in found
        ]
    )


def timing_row(name: str, timing: NetworkTiming, timings: StudyTimings) -> dict[str, Any]:
    figures = figures_of(timing)
    bare = timing.network.baseline
    baseline = [figures_of(one) for one in timings.networks if one.network == bare]
    for figure in RATIOS:
        below = baseline[0][figure] if baseline else float("nan")
        figures[f"{figure}_ratio"] = figures[figure] / below if below else float("nan")
    return {"block": name} | figures | {"problem": timing.problem}


def figures_of(timing: NetworkTiming) -> dict[str, Any]:
    """Medians and interquartile ranges; missing: NaN."""
    figures: dict[str, Any] = {}
    for name in FIGURES:
        spread: Spread | None = getattr(timing, name)
        figures[name] = spread.median if spread else float("nan")
        figures[f"{name}_iqr"] = width(spread)
    figures["images_per_second"] = timing.config.batch_size / (figures["batch"] or 1)
    figures["peak"] = float("nan") if timing.peak is None else timing.peak
    return figures


def width(spread: Spread | None) -> float:
    return spread.upper - spread.lower if spread else float("nan")
