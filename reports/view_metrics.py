"""What a cell of a view can show: a number of each run, in base units."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from ablations.records import RunRecord
from reports.page import Show
from reports.probe_tables import is_solved
from reports.units import (
    millions,
    percent,
    points,
    ratio,
    seconds,
    three_digits,
    whole_percent,
)

MISSING = float("nan")


class Metric(NamedTuple):
    header: str
    value: Callable[[RunRecord], float | None]  # of one run; None: not stated
    show: Show
    best: Literal["highest", "lowest"] = "lowest"
    scored: bool = False  # on the split of score_on
    paired: bool = False  # minus the same of the baseline with the same seed


def solved(record: RunRecord) -> float | None:
    return None if record.information is None else float(is_solved(record))


METRICS = {
    "miou": Metric("mIoU (%)", lambda run: run.miou, percent, "highest", scored=True),
    "gain": Metric(
        "Gain (points)", lambda run: run.miou, points, "highest", scored=True, paired=True
    ),
    "miou_augmented": Metric(
        "mIoU with test augmentation (%)",
        lambda run: run.miou_augmented,
        percent,
        "highest",
        scored=True,
    ),
    "information": Metric(
        "Information", lambda run: run.information, ratio, "highest", scored=True
    ),
    "solved": Metric("Solved runs (%)", solved, whole_percent, "highest", scored=True),
    "val_loss": Metric("Validation loss", lambda run: run.val_loss, three_digits),
    "test_loss": Metric("Test loss", lambda run: run.test_loss, three_digits),
    "params": Metric("Params (M)", lambda run: run.params, millions),
    "macs": Metric("MACs as run (M)", lambda run: run.macs, millions),
    "macs_direct": Metric("MACs as published (M)", lambda run: run.macs_direct, millions),
    "train_seconds": Metric("Train (wall s)", lambda run: run.train_seconds, seconds),
    "compute_seconds": Metric(
        "Train (CPU or device s)", lambda run: run.compute_seconds, seconds
    ),
}


def validation_miou(record: RunRecord) -> float:
    """mIoU on the validation split of the weights that were scored; NaN if unknown.

    If the test split is scored, it is that of the curve at the step of these weights.
    """
    if record.config.score_on == "val":
        return record.miou
    points = [point for point in record.curve if "val_miou" in point]
    if record.step is not None:
        points = [point for point in points if point["step"] == record.step]
    last = max(points, key=lambda point: point["step"], default={})
    return last.get("val_miou", MISSING)
