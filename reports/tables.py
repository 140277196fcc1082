"""Result tables. Each function turns run records into one table of numbers.

A record is one finished run; miou is in [0, 1], params and macs are counts.
Formatting, units and file formats belong to render.py.
"""

from collections.abc import Iterable

import pandas as pd
from pandas import DataFrame

from ablations.attention import BLOCKS
from ablations.complexity.costs import share
from ablations.complexity.handles import NOT_COUNTED
from ablations.records import RunRecord
from ablations.study import RunConfig
from reports.statistics import interval, sign_flip_p

# What a comparison holds fixed: everything but the block and the seed.
SETTING = [name for name in RunConfig.model_fields if name not in {"block", "seed"}]


def runs_table(records: Iterable[RunRecord]) -> DataFrame:
    """One row per run."""
    return DataFrame([record.row() for record in records])


def settings(runs: DataFrame) -> list[tuple[dict[str, object], DataFrame]]:
    """The runs of each setting, and the setting itself."""
    keys = runs[SETTING].astype(object).where(runs[SETTING].notna(), None)
    groups = runs.groupby(keys.apply(tuple, axis=1), sort=False)
    return [(dict(zip(SETTING, key, strict=True)), group) for key, group in groups]


def block_order(names: Iterable[str]) -> list[str]:
    """Registry order, the baseline first; a user's own blocks last."""
    known, names = list(BLOCKS), set(names)
    return sorted(
        names, key=lambda name: (known.index(name) if name in known else 999, name)
    )


def block_comparison(runs: DataFrame) -> DataFrame:
    """Compare the blocks of one setting: one row per block, baseline first.

    miou, miou_std      mean and sample standard deviation over seeds
    gain                mean over seeds of (miou - miou of the baseline with the same seed)
    gain_low, gain_high 95 % t interval of it; missing below two pairs
    gain_p              exact two-sided sign-flip p of it
    seeds               runs behind the row
    params, macs        of the model, as run; added_*_share: over the baseline's
    macs_direct         of the model with blocks as published; text if not all is counted

    Raises ValueError where a run has no baseline with its seed, or is there twice.
    """
    twice = runs[runs.duplicated([*SETTING, "block", "seed"], keep=False)]
    if len(twice):
        raise ValueError(f"runs that are there twice: {', '.join(twice['run_id'])}")
    baseline = runs[runs["block"] == "none"].set_index("seed")
    orphans = runs[~runs["seed"].isin(baseline.index)]
    if len(orphans):
        raise ValueError(f"no baseline run for {', '.join(orphans['run_id'])}")
    paired = runs.assign(gain=runs["miou"] - runs["seed"].map(baseline["miou"]))
    table = DataFrame(
        [
            compare(name, paired[paired["block"] == name])
            for name in block_order(runs["block"])
        ]
    )
    for what in ("params", "macs", "macs_direct"):
        bare = table.loc[table["block"] == "none", what].iloc[0]
        table[f"added_{what}_share"] = [share(value, bare) for value in table[what]]
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
        "macs": counted(runs, "macs"),
        "macs_direct": counted(runs, "macs_direct"),
        "train_seconds": runs["train_seconds"].mean(),
    }


def counted(runs: DataFrame, what: str) -> int | str:
    """Of the first run, or which operators have no count."""
    first = runs.iloc[0]
    if pd.isna(first[what]):
        return NOT_COUNTED + str(first["not_counted"])
    return int(first[what])


def with_baseline(runs: DataFrame) -> tuple[DataFrame, DataFrame]:
    """The runs of one setting that have a baseline with their seed, and those without."""
    seeds = runs.loc[runs["block"] == "none", "seed"]
    paired = runs["seed"].isin(seeds)
    return runs[paired], runs[~paired]


def class_iou(records: Iterable[RunRecord]) -> DataFrame:
    """Mean IoU over seeds of each class, one row per block; without absent classes."""
    rows = [{"block": record.config.block, **record.iou} for record in records]
    table = DataFrame(rows).astype(dict.fromkeys(rows[0].keys() - {"block"}, float))
    means = table.groupby("block").mean().dropna(axis=1, how="all")
    return means.loc[block_order(means.index)].reset_index()


def curves(records: Iterable[RunRecord]) -> DataFrame:
    """Validation mIoU over steps, averaged over seeds: columns block, step, miou."""
    points = [
        {"block": record.config.block, "step": point["step"], "miou": point["val_miou"]}
        for record in records
        for point in record.curve
        if "val_miou" in point
    ]
    table = pd.DataFrame(points, columns=["block", "step", "miou"])
    return table.groupby(["block", "step"], as_index=False).mean()
