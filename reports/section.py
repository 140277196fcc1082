"""What a report says about one setting: its table, pictures and classes."""

from collections.abc import Callable, Sequence

import pandas as pd

from ablations.run_config import RunConfig
from ablations.timings import StudyTimings
from reports import plots
from reports.columns import (
    CONTROLS,
    beside_validation,
    comparison_columns,
    time_column,
)
from reports.comparison import Comparison
from reports.completeness import LISTED, plural, rest
from reports.controls import control_comparison
from reports.metrics import metric_parts
from reports.page import Code, Heading, Inline, Part, Picture, Strong, Table, Text
from reports.paper_table import for_paper
from reports.probe_section import probe_parts
from reports.probe_tables import is_probe, outcome_table
from reports.timings import timing_tables, with_latency
from reports.units import percent
from reports.unpaired import unpaired_parts
from reports.write.cells import shortened

Draw = Callable[[Comparison, str], list[Part]]  # the pictures of a setting, by file name


def section(
    comparison: Comparison, timings: Sequence[StudyTimings], name: str, draw: Draw
) -> list[Part]:
    """Tables and plots of one setting."""
    parts = opening(comparison)
    if not comparison.records:
        return [*parts, *unpaired_parts(comparison, name)]
    if is_probe(comparison):
        parts += probe_parts(comparison, name)
        parts += timing_tables(comparison, timings, name)
        return [*parts, *noise_floor(comparison)]
    parts += tables(comparison, timings, name)
    several = len(comparison.numbers) > 1
    parts += draw(comparison, name) if several else []
    parts += metric_parts(comparison, name)
    if not several:
        parts.append(Text("Only one block, so there is nothing to plot."))
    return parts


def long_section(comparison: Comparison, timings: Sequence[StudyTimings]) -> list[Part]:
    """For a report of many settings: only the tables, without files of their own."""
    if not comparison.records:
        return [*opening(comparison), *unpaired_parts(comparison)]
    return [*opening(comparison), *tables(comparison, timings)]


def tables(
    comparison: Comparison, timings: Sequence[StudyTimings], name: str = ""
) -> list[Part]:
    """The comparison, the noise that it must be read with, and the timings."""
    return [
        comparison_table(comparison, timings, name),
        *control_tables(comparison, name),
        *noise_floor(comparison),
        *timing_tables(comparison, timings, name),
    ]


def opening(comparison: Comparison) -> list[Part]:
    """The heading of a setting, and the runs that cannot be compared."""
    heading = Heading(describe(comparison.setting))
    borrowed = [Text(note) for note in comparison.notes]
    ids = [record.config.run_id for record in comparison.orphans]
    if not ids:
        return [heading, *borrowed]
    warning = Strong("Without a baseline of the same seed, so not in the table:")
    return [heading, *borrowed, Text(warning, *listed(ids))]


def listed(ids: Sequence[str]) -> list[Inline]:
    parts: list[Inline] = []
    for number, run_id in enumerate(ids[:LISTED]):
        parts += [", " if number else " ", Code(run_id)]
    return [*parts, *(f", {more}" for more in rest(len(ids)))]


def comparison_table(
    comparison: Comparison, timings: Sequence[StudyTimings], name: str = ""
) -> Table:
    if is_probe(comparison):
        return outcome_table(comparison, name)
    on_cpu = all(record.device.startswith("cpu") for record in comparison.records)
    numbers = comparison.numbers
    views = comparison.records[0].config.test_augmentation
    columns = [*comparison_columns(numbers, views), time_column(numbers, on_cpu)]
    if comparison.setting["score_on"] == "test":
        columns = beside_validation(columns)
    table = Table(with_reasons(numbers), columns, name)
    return for_paper(with_latency(table, comparison, timings), comparison)


def control_tables(comparison: Comparison, name: str = "") -> list[Part]:
    """Each block beside each of its controls, if any has run."""
    numbers = control_comparison(comparison.runs)
    if numbers.empty:
        return []
    return [
        Text("Blocks beside plain bottlenecks of the same cost, paired by seed:"),
        Table(numbers, CONTROLS, f"{name}-controls" if name else ""),
    ]


def noise_floor(comparison: Comparison) -> list[Part]:
    """How far equal runs are apart, if any was repeated."""
    noise = comparison.noise
    if noise is None:
        return []
    largest, mean = percent(noise.largest), percent(noise.mean)
    return [
        Text(
            f"Noise floor: the mIoU of repeats, runs of the same configuration and seed, "
            f"differs by at most {largest} points, and by {mean} on average "
            f"({plural(noise.pairs, 'pair')}). The table holds the first of them."
        )
    ]


# Columns in which the reason stands, by the column that is missing.
COUNTED = {"macs": "macs", "added_macs_share": "macs", "macs_direct": "macs_direct"}


def with_reasons(numbers: pd.DataFrame) -> pd.DataFrame:
    """Put the names of uncounted operators in place of missing MACs."""
    reasons = "not counted: " + numbers["not_counted"]
    columns = {
        name: numbers[name].astype(object).mask(numbers[of].isna(), reasons)
        for name, of in COUNTED.items()
    }
    return numbers.assign(**columns).drop(columns="not_counted")


def pictures(comparison: Comparison, name: str) -> list[Part]:
    """The plots for which there are numbers."""
    numbers, curves = comparison.numbers, comparison.curves
    parts: list[Part] = []
    if numbers["macs"].iloc[0] > 0:  # the baseline's
        figure = plots.against_cost(comparison, "macs")
        parts.append(Picture(name, "mIoU against added MACs", figure))
    else:
        reason = "The baseline's MACs are unknown, so mIoU is not plotted against them."
        parts.append(Text(reason))
    gains = plots.forest([comparison])
    parts.append(Picture(f"{name}-gains", "gain of each block over the baseline", gains))
    if len(curves):
        figure = plots.learning_curves(curves)
        parts.append(Picture(f"{name}-curves", "validation mIoU over steps", figure))
    return parts


def no_pictures(comparison: Comparison, name: str) -> list[Part]:
    """In place of pictures, for a report without any."""
    return []


def describe(setting: dict[str, object]) -> str:
    """A setting in one line: the four keys that name it, then any not at the default.

    The default is the protocol's, if the setting follows one, and then it is named, too.
    """
    named = ("dataset", "model", "encoder", "placement")
    protocol = {"protocol": setting.get("protocol")}
    usual = RunConfig.parse(protocol).model_dump() | {"protocol": None}
    others = [f"{k} {v}" for k, v in setting.items() if k not in named and v != usual[k]]
    return shortened(", ".join([str(setting[key]) for key in named] + others))
