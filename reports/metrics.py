"""What runs scored besides mIoU: metrics of the confusion matrix of the whole split."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from ablations.records import RunRecord
from reports.areas import Areas, mean_known, ratio
from reports.class_table import class_parts
from reports.columns import BLOCK
from reports.comparison import Comparison
from reports.completeness import plural
from reports.definitions import weighted_iou
from reports.page import Column, Part, Table, Text
from reports.tables import block_names, block_order
from reports.units import count, percent, points


class Metric(NamedTuple):
    """A score in [0, 1] of a split (classes); NaN if not one pixel is labelled."""

    label: str
    score: Callable[[Areas], float]


def miou(areas: Areas) -> float:
    return float(mean_known(areas.iou))


def dice(areas: Areas) -> float:
    return float(
        mean_known(ratio(2 * areas.intersection, areas.labelled + areas.predicted))
    )


def pixel_accuracy(areas: Areas) -> float:
    return float(ratio(areas.intersection.sum(), areas.labelled.sum()))


def mean_accuracy(areas: Areas) -> float:
    return float(mean_known(ratio(areas.intersection, areas.labelled)))


METRICS: dict[str, Metric] = {
    "miou": Metric("mIoU", miou),
    "dice": Metric("Dice", dice),
    "pixel_accuracy": Metric("Pixel accuracy", pixel_accuracy),
    "mean_accuracy": Metric("Mean accuracy", mean_accuracy),
    "weighted_iou": Metric("Weighted IoU", weighted_iou),
}
HOW_TO_READ = (
    "All metrics are of the whole split and leave void pixels out. mIoU is the mean of "
    "intersection over union, and Dice (the mean F1) that of twice the intersection over "
    "labelled plus predicted pixels, both over the classes that are labelled or predicted "
    "anywhere. Mean accuracy is the mean over the labelled classes of the share of their "
    "pixels that is predicted correctly; pixel accuracy is that share of all pixels. "
    "Weighted IoU weighs the IoU of a class by its labelled pixels."
)


def run_metrics(record: RunRecord) -> dict[str, float]:
    """Every metric of a run; NaN if its record holds no confusion matrix, except mIoU."""
    scores = {"miou": record.miou} | dict.fromkeys(list(METRICS)[1:], float("nan"))
    if record.confusion is None:
        return scores
    areas = Areas.of_confusion(record.confusion)
    others = list(METRICS.items())[1:]
    return scores | {name: metric.score(areas) for name, metric in others}


def block_metrics(records: Sequence[RunRecord]) -> DataFrame:
    """One row per block of one setting: block, seeds, and for each metric three columns.

    NAME is the mean over seeds, NAME_std the sample standard deviation, and NAME_gain the
    mean difference from the baseline with the same seed. A run without a metric leaves its
    block without it: a mean over fewer seeds would be another quantity.
    """
    table = DataFrame([run_metrics(record) for record in records])
    table = table.assign(
        block=block_names(records), seed=[record.config.seed for record in records]
    )
    names = list(METRICS)
    baseline = table[table["block"] == "none"].set_index("seed")[names]
    gains = table[names] - baseline.reindex(table["seed"]).to_numpy()
    table = table.join(gains.add_suffix("_gain"))
    return DataFrame(
        [
            means(block, table[table["block"] == block])
            for block in block_order(table["block"])
        ]
    )


def means(block: str, runs: DataFrame) -> dict[str, object]:
    """One row of block_metrics."""
    row: dict[str, object] = {"block": block, "seeds": len(runs)}
    for name in METRICS:
        row[name] = runs[name].mean(skipna=False)
        row[f"{name}_std"] = runs[name].std(skipna=False)
        row[f"{name}_gain"] = runs[f"{name}_gain"].mean(skipna=False)
    return row


def metric_parts(comparison: Comparison, name: str) -> list[Part]:
    """Blocks by metrics, and by classes; name is that of the comparison's files."""
    numbers = block_metrics(comparison.records)
    known = [key for key in METRICS if numbers[key].notna().any()]
    parts: list[Part] = []
    if len(known) > 1:
        columns = [metric_column(key) for key in known]
        table = numbers.assign(**{f"{key}_tip": tips(numbers, key) for key in known})
        parts += [
            Text("Metrics of the whole split (%), mean over seeds:"),
            Table(table, [BLOCK, *columns], f"{name}-metrics"),
        ]
    return [
        *parts,
        *without_counts(comparison.records),
        *class_parts(comparison.records, name),
    ]


def metric_column(name: str) -> Column:
    return Column(name, METRICS[name].label, percent, tip=f"{name}_tip")


def tips(numbers: DataFrame, name: str) -> list[str]:
    """Behind each mean of a metric: its spread, its seeds, and the gain."""
    columns = numbers[["block", "seeds", f"{name}_std", f"{name}_gain"]]
    return [tip(*row) for row in columns.itertuples(index=False, name=None)]


def tip(block: str, seeds: int, spread: float, gain: float) -> str:
    said = plural(seeds, "seed")
    if not np.isnan(spread):
        said = f"± {percent(spread)} (standard deviation) over {said}"
    if block == "none" or pd.isna(gain):
        return said
    return f"{said}; {points(gain)} points over the baseline, paired by seed"


def without_counts(records: Sequence[RunRecord]) -> list[Part]:
    """Why metrics are missing, if they are."""
    lacking = sum(record.confusion is None for record in records)
    if not lacking:
        return []
    return [
        Text(
            "Without a confusion matrix (of more than 64 classes, or recorded by an "
            f"earlier version): {count(lacking)} of {plural(len(records), 'run')}. Of "
            "these only mIoU and the IoU of each class are known."
        )
    ]
