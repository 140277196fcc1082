"""The time and memory of networks, as `ablate bench-study` measured them, in tables.

Seconds that runs took are no such measurement, and never fill these columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pandas import DataFrame

from ablations.errors import InputError
from ablations.run_config import DERIVED
from ablations.timings import (
    NetworkTiming,
    Spread,
    StudyTimings,
    TimedNetwork,
    read_timings,
    timed_network,
)
from reports.columns import BLOCK, TIMING
from reports.comparison import Comparison
from reports.completeness import first, plural
from reports.page import Column, Items, Page, Part, Strong, Table, Text
from reports.tables import block_names
from reports.units import label
from reports.write.cells import shortened

RATIOS = ("latency", "step", "peak")  # figures that are also shown over the baseline's


def read_all(folder: Path) -> tuple[list[StudyTimings], list[Part]]:
    """The timings below a folder, and a list of the files that cannot be read."""
    found = list(read_timings(folder))
    problems = [Text(shortened(one)) for one in found if isinstance(one, InputError)]
    heading = Text(Strong("Timings that cannot be read:"))
    lines = [heading, Items(first(problems))] if problems else []
    return [one for one in found if isinstance(one, StudyTimings)], lines


def timing_tables(
    comparison: Comparison, timings: Sequence[StudyTimings], name: str = ""
) -> list[Part]:
    """A table for each device on which networks of this setting were timed."""
    networks = networks_of(comparison)
    tables = []
    for one in timings:
        numbers = timing_numbers(networks, one)
        if len(numbers):
            suffix = f"-{len(tables) + 1}" if tables else ""
            file = f"{name}-timings{suffix}" if name else ""
            tables.append(timing_table(numbers, [BLOCK, *TIMING], one, file))
    return tables


def networks_of(comparison: Comparison) -> dict[str, TimedNetwork]:
    """The network of each row of a comparison, by the block's name in tables."""
    records = comparison.records
    names = block_names(records)
    networks = {
        name: timed_network(record.config, len(record.iou))
        for name, record in zip(names, records, strict=True)
    }
    return {name: networks[name] for name in comparison.numbers["block"]}


def study_page(timings: StudyTimings) -> Page:
    """All networks of a study, named by the keys that distinguish them."""
    networks = [timing.network for timing in timings.networks]
    keys = [key for key in network_keys(networks) if key != "block"]
    numbers = DataFrame(
        [
            {key: getattr(timing.config, key) for key in keys}
            | timing_row(timing.config.block, timing, timings)
            for timing in timings.networks
        ]
    )
    named = [Column(key, key, str, "left") for key in keys]
    table = timing_table(numbers, [BLOCK, *named, *TIMING], timings)
    return Page("Time and memory of a study's networks", [table])


def network_keys(networks: Iterable[TimedNetwork]) -> list[str]:
    """The keys that differ between networks with blocks."""
    configs = [network.config for network in networks if network.config.block != "none"]
    return [
        key
        for key in (configs[0].model_dump() if configs else {})
        if key not in DERIVED and len({getattr(config, key) for config in configs}) > 1
    ]


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
    spreads = {"latency": timing.latency, "batch": timing.batch, "step": timing.step}
    for name, spread in spreads.items():
        figures[name] = spread.median if spread else float("nan")
        figures[f"{name}_iqr"] = width(spread)
    figures["images_per_second"] = timing.config.batch_size / (figures["batch"] or 1)
    figures["peak"] = float("nan") if timing.peak is None else timing.peak
    return figures


def width(spread: Spread | None) -> float:
    return spread.upper - spread.lower if spread else float("nan")


def timing_table(
    numbers: DataFrame, columns: Sequence[Column], timings: StudyTimings, name: str = ""
) -> Table:
    notes = [
        f"{label(row.block)} was not measured completely: {shortened(row.problem)}"
        for row in numbers.itertuples()
        if row.problem
    ]
    return Table(numbers, columns, name, caption(timings), notes)


def caption(timings: StudyTimings) -> str:
    """Which device, and how it was measured."""
    torch = timings.versions.get("torch", "unknown")
    return (
        f"Time and memory on {shortened(timings.device)}, "
        f"{plural(timings.threads, 'CPU thread')}, torch {torch}, "
        f"{plural(timings.rounds, 'round')}, commit {shortened(timings.commit)}"
    )
