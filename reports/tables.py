"""Result tables. Each function turns run records into one table of numbers.

A record is one finished run; miou is in [0, 1], params and macs are counts.
Units belong to units.py, file formats to reports/write.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import pandas as pd
from pandas import DataFrame

from ablations.attention import BLOCKS
from ablations.records import RunRecord
from ablations.run_config import DERIVED, RunConfig
from ablations.wrappers import WRAPPERS, unwrapped
from reports.statistics import interval, sign_flip_p

# What the runs of a comparison differ in; it holds everything else fixed.
COMPARED = {"block", "init", "seed", "repeat", *DERIVED}
SETTING = [name for name in RunConfig.model_fields if name not in COMPARED]

# What block_comparison takes from each run.
MEASURED = [
    "block",
    "seed",
    "miou",
    "params",
    "macs",
    "macs_direct",
    "not_counted",
    "train_seconds",
    "compute_seconds",
]


def runs_table(records: Iterable[RunRecord]) -> DataFrame:
    """One row per run."""
    records = list(records)
    table = DataFrame([record.row() for record in records])
    for name in ("macs", "macs_direct", "compute_seconds"):
        table[name] = pd.to_numeric(table[name])  # missing: NaN
    return table.assign(block=block_names(records))


def versions(records: Iterable[RunRecord]) -> dict[str, dict[str, int]]:
    """The number of runs of each version, for user's blocks with several versions."""
    counts: dict[str, Counter[str]] = {}
    for record in records:
        counts.setdefault(record.config.block, Counter())[version(record)] += 1
    return {
        b: dict(sorted(counts[b].items())) for b in sorted(counts) if len(counts[b]) > 1
    }


def version(record: RunRecord) -> str:
    """The first digits of the source of a user's block."""
    entries = [entry.partition("=") for entry in record.config.source.split(",")]
    sources = {key: digest for key, _, digest in entries}
    return sources.get("block", "")[:6] or "unknown"


def block_names(records: Sequence[RunRecord]) -> list[str]:
    """The block of each run, with its start; several versions of one get a suffix."""
    several = versions(records)
    return [
        f"{record.config.placed_block}@{version(record)}"
        if record.config.block in several
        else record.config.placed_block
        for record in records
    ]


def block_order(names: Iterable[str]) -> list[str]:
    """Registry order, the baseline first; a user's own blocks last.

    Blocks that differ only in an option are ordered by its value: 4, 8, 16. What is built
    around a block, such as its controls, follows it.
    """
    order = {name: place for place, name in enumerate(BLOCKS)}

    def place(name: str) -> tuple[int, list[Any], list[int], str]:
        block, wrappers = unwrapped(without_version(name))
        around = [list(WRAPPERS).index(wrapper) for wrapper in wrappers]
        number = order.get(block.partition("(")[0], len(order))
        return number, by_value(block), around, name

    return sorted({*names}, key=place)


def by_value(block: str) -> list[Any]:
    """Texts and numbers in turn, which sort as they read."""
    pieces: list[Any] = re.split(r"(\d+)", block)
    pieces[1::2] = map(int, pieces[1::2])
    return pieces


def without_version(name: str) -> str:
    """A name that block_names gave, without its suffix."""
    return name.rpartition("@")[0] if "@" in name.rpartition(")")[2] else name


def block_comparison(runs: DataFrame) -> DataFrame:
    """Compare the blocks of one setting: one row per block, baseline first.

    miou, miou_std      mean and sample standard deviation over seeds
    gain                mean over seeds of (miou - miou of the baseline with the same seed)
    gain_low, gain_high 95 % t interval of the gain; missing below two pairs
    gain_p              exact two-sided sign-flip p of the gain
    seeds               runs behind the row
    params, macs        of the model, as run; added_*_share: over the baseline's
    macs_direct         of the model with blocks as published
    not_counted         the operators without a count, if macs or macs_direct is missing

    Raises ValueError if a run has no baseline with its seed, or has a duplicate.
    """
    duplicates = runs.loc[runs.duplicated(["block", "seed"], keep=False), "run_id"]
    if len(duplicates):
        raise ValueError(f"duplicate runs: {', '.join(duplicates)}")
    baseline = runs.loc[runs["block"] == "none", MEASURED].set_index("seed")
    orphans = runs.loc[~runs["seed"].isin(baseline.index), "run_id"]
    if len(orphans):
        raise ValueError(f"no baseline run for {', '.join(orphans)}")
    paired = runs[MEASURED].assign(
        gain=runs["miou"] - runs["seed"].map(baseline["miou"])
    )  # few columns, since pandas copies all of them for each block
    groups = {str(block): group for block, group in paired.groupby("block")}
    table = DataFrame([compare(name, groups[name]) for name in block_order(groups)])
    for name in ("params", "macs", "macs_direct"):
        table[f"added_{name}_share"] = table[name] / baseline[name].iloc[0] - 1
    return table


def compare(block: str, runs: DataFrame) -> dict[str, object]:
    """One row of block_comparison."""
    gains = [] if block == "none" else runs["gain"].tolist()
    low, high = interval(gains)
    return {
        "block": block,
        "miou": runs["miou"].mean(),
        "miou_std": runs["miou"].std(),
        "gain": runs["gain"].mean(),
        "gain_low": low,
        "gain_high": high,
        "gain_p": sign_flip_p(gains),
        "seeds": len(runs),
        "params": runs["params"].iloc[0],
        "macs": runs["macs"].iloc[0],
        "macs_direct": runs["macs_direct"].iloc[0],
        "not_counted": runs["not_counted"].iloc[0],
        "train_seconds": runs["train_seconds"].mean(),
        "compute_seconds": runs["compute_seconds"].mean(skipna=False),
    }


class Noise(NamedTuple):
    """By how much the mIoU of two runs of one configuration and seed differs."""

    largest: float
    mean: float
    pairs: int


def noise_floor(records: Sequence[RunRecord]) -> Noise | None:
    """From every pair of repeats in one setting; None if no run is repeated."""
    runs: dict[tuple[str, int], list[float]] = {}
    for block, record in zip(block_names(records), records, strict=True):
        runs.setdefault((block, record.config.seed), []).append(record.miou)
    differences = [
        abs(one - other)
        for values in runs.values()
        for one, other in combinations(values, 2)
    ]
    if not differences:
        return None
    mean = sum(differences) / len(differences)
    return Noise(max(differences), mean, len(differences))


def class_iou(records: Sequence[RunRecord]) -> DataFrame:
    """Mean IoU over seeds of each class, one row per block; without absent classes.

    Columns: block, and iou_NAME for each class.
    """
    rows = [{f"iou_{name}": iou for name, iou in r.iou.items()} for r in records]
    table = DataFrame(rows).astype(float)
    means = table.groupby(block_names(records)).mean().dropna(axis=1, how="all")
    return means.loc[block_order(means.index)].rename_axis("block").reset_index()


def curves(records: Sequence[RunRecord]) -> DataFrame:
    """Validation mIoU over steps, averaged over seeds: columns block, step, miou."""
    points = [
        {"block": block, "step": point["step"], "miou": point["val_miou"]}
        for block, record in zip(block_names(records), records, strict=True)
        for point in record.curve
        if "val_miou" in point
    ]
    table = pd.DataFrame(points, columns=["block", "step", "miou"])
    return table.groupby(["block", "step"], as_index=False).mean()
