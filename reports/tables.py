"""Result tables. Each function turns run records into one table of numbers.

A record is one finished run; miou is in [0, 1], params and macs are counts.
Units belong to units.py, file formats to reports/write.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import pandas as pd
from pandas import DataFrame, Series

from ablations.records import RunRecord
from ablations.run_config import DERIVED, RunConfig
from reports.order import Rank, rank
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
    "val_miou",
    "miou_augmented",
]


def runs_table(records: Iterable[RunRecord]) -> DataFrame:
    """One row per run."""
    records = list(records)
    table = DataFrame([record.row() for record in records])
    for name in ("macs", "macs_direct", "compute_seconds", "miou_augmented"):
        table[name] = pd.to_numeric(table[name])  # missing: NaN
    validated = pd.to_numeric(Series([validation_miou(record) for record in records]))
    return table.assign(block=block_names(records), val_miou=validated)


def validation_miou(record: RunRecord) -> float | None:
    """Of the scored weights; older records state that of the last step in the curve."""
    if record.val_miou is not None or record.config.score_on == "val":
        return record.val_miou
    if record.config.select == "best":
        return None
    return next((p["val_miou"] for p in record.curve[::-1] if "val_miou" in p), None)


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
    return sorted({*names}, key=block_place)


def block_place(name: str) -> tuple[Rank, str]:
    """The place of a name that block_names gave."""
    return rank("block", without_version(name)), name


def without_version(name: str) -> str:
    """A name that block_names gave, without its suffix."""
    return name.rpartition("@")[0] if "@" in name.rpartition(")")[2] else name


def block_comparison(runs: DataFrame) -> DataFrame:
    """Compare the blocks of one setting: one row per block, baseline first.

    miou, miou_std      mean and sample standard deviation over seeds
    val_miou            of the validation of the same weights, if miou is of the test split
    miou_augmented      mean over seeds of the score over several views, if any
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
    if table["miou_augmented"].isna().all():
        return table.drop(columns="miou_augmented")
    return table


def compare(block: str, runs: DataFrame) -> dict[str, object]:
    """One row of block_comparison."""
    gains = [] if block == "none" else runs["gain"].tolist()
    low, high = interval(gains)
    return {
        "block": block,
        "miou": runs["miou"].mean(),
        "miou_std": runs["miou"].std(),
        "val_miou": runs["val_miou"].mean(skipna=False),
        "miou_augmented": runs["miou_augmented"].mean(),
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
    """Validations of the runs of one setting: a row for each block and step.

    miou, low, high             mean, lowest and highest over seeds
    gain, gain_low, gain_high   the same of the differences from the baseline of the seed;
                                missing if it was not validated after this step
    seeds                       runs that were validated after this step
    """
    points = [
        {"block": block, "seed": record.config.seed}
        | {"step": point["step"], "miou": point["val_miou"]}
        for block, record in zip(block_names(records), records, strict=True)
        for point in record.curve
        if "val_miou" in point
    ]
    table = pd.DataFrame(points, columns=["block", "seed", "step", "miou"])
    baseline = table[table["block"] == "none"].drop(columns="block")
    both = table.merge(baseline, "left", ["seed", "step"], suffixes=("", "_baseline"))
    both["gain"] = both["miou"] - both["miou_baseline"]
    return both.groupby(["block", "step"], as_index=False).agg(
        miou=("miou", "mean"),
        low=("miou", "min"),
        high=("miou", "max"),
        gain=("gain", "mean"),
        gain_low=("gain", "min"),
        gain_high=("gain", "max"),
        seeds=("miou", "count"),
    )
