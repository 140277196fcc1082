"""The time and memory of networks, as `ablate bench-study` measured them, in tables.

Seconds that runs took are no such measurement, and never fill these columns.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pandas import DataFrame

from ablations.run_config import DERIVED, RunConfig
from ablations.timings import (
    OF_BLOCKS,
    StudyTimings,
    read_timings,
)
from reports.columns import BLOCK, LATENCY, TIMING
from reports.comparison import Comparison
from reports.completeness import first, plural
from reports.page import Column, Items, Page, Part, Strong, Table, Text
from reports.timing_numbers import (
    FIGURES,
    covering,
    networks_of,
    timing_numbers,
    timing_row,
)
from reports.units import either, label
from reports.write.cells import shortened

UNSTEADY = 0.1  # of the median: a wider interquartile range is pointed out


def read_all(*folders: Path) -> tuple[list[StudyTimings], list[Part]]:
    """The timings below folders, and a list of the files that cannot be read."""
    timings: list[StudyTimings] = []
    problems: list[Text] = []
    for one in chain.from_iterable(map(read_timings, folders)):
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


def study_page(timings: StudyTimings) -> Page:
    """All networks of a study, named by the keys that distinguish them."""
    keys = network_keys([timing.config for timing in timings.networks])
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


def network_keys(configs: Sequence[RunConfig]) -> list[str]:
    """The keys, other than the block, in which these networks differ."""
    keys = [key for key in RunConfig.model_fields if key not in {"block", *DERIVED}]
    rows = [named(config, keys) for config in configs]
    return [key for key in keys if len({row[key] for row in rows} - {None}) > 1]


def timing_table(
    numbers: DataFrame, columns: Sequence[Column], timings: StudyTimings, name: str = ""
) -> Table:
    pairs = zip(numbers["block"], numbers["problem"], strict=True)
    notes = unsteady(numbers) + [
        f"{label(block)} was not measured completely: {shortened(problem)}"
        for block, problem in pairs
        if problem
    ]
    return Table(
        numbers, columns, name, f"Time and memory on {device_line(timings)}", notes
    )


def unsteady(numbers: DataFrame) -> list[str]:
    """A warning if the machine was so busy that a repeat would have other medians."""
    wide = sum(
        int((numbers[f"{name}_iqr"] > UNSTEADY * numbers[name]).sum()) for name in FIGURES
    )
    known = sum(int(numbers[name].notna().sum()) for name in FIGURES)
    if not wide:
        return []
    return [
        f"Unsteady: the interquartile range of {wide} of the {known} times is more than "
        f"{UNSTEADY:.0%} of the median. Measure again while the machine does nothing else."
    ]


def device_line(timings: StudyTimings) -> str:
    """Which device, and how it was measured."""
    torch = shortened(timings.versions.get("torch", "unknown"))
    return (
        f"{shortened(timings.device)}, {plural(timings.threads, 'CPU thread')}, "
        f"torch {torch}, {plural(timings.rounds, 'round')}, "
        f"commit {shortened(timings.commit)}"
    )
