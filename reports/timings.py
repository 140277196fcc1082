"""The time and memory of networks, as `ablate bench-study` measured them, in tables.

Seconds that runs took are no such measurement, and never fill these columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pandas import DataFrame

from ablations.run_config import DERIVED, RunConfig
from ablations.timings import (
    OF_BLOCKS,
    NetworkTiming,
    Spread,
    StudyTimings,
    TimedNetwork,
    read_timings,
    timed_network,
)
from reports.columns import BLOCK, LATENCY, TIMING
from reports.comparison import Comparison
from reports.completeness import first, plural
from reports.page import Column, Items, Page, Part, Strong, Table, Text
from reports.tables import block_names
from reports.units import either, label
from reports.write.cells import shortened

RATIOS = ("latency", "step", "peak")  # figures that are also shown over the baseline's


def read_all(folder: Path) -> tuple[list[StudyTimings], list[Part]]:
    """The timings below a folder, and a list of the files that cannot be read."""
    timings: list[StudyTimings] = []
    problems: list[Text] = []
    for one in read_timings(folder):
        if isinstance(one, StudyTimings):
            timings.append(one)
        else:
            problems.append(Text(shortened(one)))
    heading = Text(Strong("Timings that cannot be read:"))
    return timings, [heading, Items(first(problems))] if problems else []


def timing_tables(
    comparison: Comparison, timings: Sequence[StudyTimings], name: str = ""
) -> list[Part]:
    """A table for each device on which networks of this setting were timed."""
    tables: list[Part] = []
    for one in covering(comparison, timings):
        numbers = timing_numbers(networks_of(comparison), one)
        suffix = f"-{len(tables) + 1}" if tables else ""
        file = f"{name}-timings{suffix}" if name else ""
        tables.append(timing_table(numbers, [BLOCK, *TIMING], one, file))
    return tables


def covering(comparison: Comparison, timings: Sequence[StudyTimings]) -> list[StudyTimings]:
    """The timings that have a network of this setting."""
    networks = {*networks_of(comparison).values()} if timings else set()
    return [
        one for one in timings if any(timing.network in networks for timing in one.networks)
    ]


def with_latency(
    table: Table, comparison: Comparison, timings: Sequence[StudyTimings]
) -> Table:
    """Add the latency of one image, if it was measured on one device only."""
    if len(found := covering(comparison, timings)) != 1:
        return table
    numbers = timing_numbers(networks_of(comparison), found[0])
    latencies = numbers[["block", *(column.name for column in LATENCY)]]
    return table._replace(
        numbers=table.numbers.merge(latencies, how="left", on="block"),
        columns=[*table.columns, *LATENCY],
        notes=[*table.notes, f"One image: {device_line(found[0])}"],
    )


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
    keys = network_keys(timing.network for timing in timings.networks)
    rows = [
        named(timing.config, keys) | timing_row(timing.config.block, timing, timings)
        for timing in timings.networks
    ]
    columns = [BLOCK, *(Column(key, key, either(str), "left") for key in keys), *TIMING]
    table = timing_table(DataFrame(rows), columns, timings)
    return Page("Time and memory of a study's networks", [table])


def named(config: RunConfig, keys: Sequence[str]) -> dict[str, Any]:
    """The values of keys; None for what a network without blocks does not use."""
    unused = OF_BLOCKS if config.block == "none" else ()
    return {key: None if key in unused else getattr(config, key) for key in keys}


def network_keys(networks: Iterable[TimedNetwork]) -> list[str]:
    """The keys, other than the block, that differ between networks with blocks."""
    configs = [network.config for network in networks if network.config.block != "none"]
    return [
        key
        for key in RunConfig.model_fields
        if key not in {"block", *DERIVED}
        and len({getattr(config, key) for config in configs}) > 1
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
    pairs = zip(numbers["block"], numbers["problem"], strict=True)
    notes = [
        f"{label(block)} was not measured completely: {shortened(problem)}"
        for block, problem in pairs
        if problem
    ]
    return Table(
        numbers, columns, name, f"Time and memory on {device_line(timings)}", notes
    )


def device_line(timings: StudyTimings) -> str:
    """Which device, and how it was measured."""
    torch = shortened(timings.versions.get("torch", "unknown"))
    return (
        f"{shortened(timings.device)}, {plural(timings.threads, 'CPU thread')}, "
        f"torch {torch}, {plural(timings.rounds, 'round')}, "
        f"commit {shortened(timings.commit)}"
    )
