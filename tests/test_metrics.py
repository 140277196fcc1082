"""Metrics are those of scikit-learn, and of counts small enough to check by hand."""

import math
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    jaccard_score,
    recall_score,
)

from ablations.records import RunRecord, iou_of
from ablations.run_config import RunConfig
from reports.areas import Areas
from reports.class_table import class_numbers, class_parts
from reports.comparison import comparisons
from reports.metrics import METRICS, block_metrics, metric_parts, run_metrics
from reports.page import Fold, Page, Part, Table, unfolded
from reports.write import markdown
from tests.test_records import record

NAMES = ("sky", "road", "train", "bus")
# road is labelled 5 times, bus never but predicted twice, and there is no train
COUNTS = ((6, 7, 0, 2), (1, 4, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))
RIGHT = ((15, 0, 0, 0), (0, 5, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))


def scored(counts: Any, names: tuple[str, ...] = NAMES, **config: Any) -> RunRecord:
    """A valid record with these counts."""
    iou = dict(zip(names, iou_of(counts), strict=True))
    known = [each for each in iou.values() if each is not None]
    content = record(RunConfig(**config)).model_dump() | {
        "config": RunConfig(**config),
        "iou": iou,
        "miou": sum(known) / max(1, len(known)),
        "confusion": counts,
    }
    return RunRecord(**content)


def flat(parts: list[Part]) -> str:
    return " ".join(markdown.page(Page("page", parts)).split())


def tables(parts: list[Part]) -> list[Table]:
    return [part for part in unfolded(parts) if isinstance(part, Table)]


def test_metrics_are_those_of_counts_checked_by_hand() -> None:
    iou = {"sky": 6 / 16, "road": 4 / 12, "bus": 0}
    assert run_metrics(scored(COUNTS)) == pytest.approx(
        {
            "miou": sum(iou.values()) / 3,
            "dice": (12 / 22 + 8 / 16 + 0) / 3,
            "pixel_accuracy": 10 / 20,
            "mean_accuracy": (6 / 15 + 4 / 5) / 2,
            "weighted_iou": (15 * iou["sky"] + 5 * iou["road"]) / 20,
        }
    )


SKLEARN: dict[str, Any] = {
    "miou": lambda *maps: jaccard_score(*maps, average="macro"),
    "dice": lambda *maps: f1_score(*maps, average="macro"),
    "pixel_accuracy": accuracy_score,
    "mean_accuracy": lambda labels, predicted: recall_score(
        labels, predicted, labels=np.unique(labels), average="macro"
    ),
    "weighted_iou": lambda *maps: jaccard_score(*maps, average="weighted"),
}


@pytest.mark.filterwarnings("ignore:Recall is ill-defined")
@pytest.mark.parametrize("name", METRICS)
def test_metrics_are_those_of_scikit_learn(name: str) -> None:
    """Its averages take the classes that are labelled or predicted, as these do."""
    draw = np.random.default_rng(3)
    for classes in (2, 5, 9):
        labels = draw.integers(classes, size=(11, 7))
        predicted = np.where(
            draw.random((11, 7)) < 0.5, labels, draw.integers(classes + 1, size=(11, 7))
        )
        labels[draw.random((11, 7)) < 0.2] = 255
        counts = np.zeros((classes + 3, classes + 3), dtype=int)
        for label, guess in zip(labels.flat, predicted.flat, strict=True):
            if label != 255:
                counts[label, guess] += 1
        known = labels != 255
        expected = SKLEARN[name](labels[known], predicted[known])
        given = METRICS[name].score(Areas.of_confusion(counts.tolist()))
        assert given == pytest.approx(expected)


def test_a_split_without_labels_has_no_metrics() -> None:
    nothing = Areas.of_confusion(((0, 0), (0, 0)))
    assert all(math.isnan(metric.score(nothing)) for metric in METRICS.values())


def test_a_perfect_prediction_has_every_metric_at_one() -> None:
    assert run_metrics(scored(RIGHT)) == dict.fromkeys(METRICS, 1)


def test_metrics_are_means_over_seeds_with_gains_paired_by_seed() -> None:
    runs = [
        scored(COUNTS, block="se", seed=1),
        scored(RIGHT, block="se", seed=0),
        scored(COUNTS, seed=0),
        scored(RIGHT, seed=1),
        scored(RIGHT, seed=2),
    ]
    table = block_metrics(runs).set_index("block")
    assert list(table.index) == ["none", "se"]
    assert list(table["seeds"]) == [3, 2]
    assert table.loc["none", "pixel_accuracy"] == pytest.approx(2.5 / 3)
    assert table.loc["se", "pixel_accuracy"] == pytest.approx(0.75)
    assert table.loc["se", "pixel_accuracy_std"] == pytest.approx(0.5 / math.sqrt(2))
    assert table.loc["se", "pixel_accuracy_gain"] == pytest.approx((0.5 - 0.5) / 2)
    assert table.loc["se", "dice_gain"] == pytest.approx(0)


def test_a_mean_explains_itself() -> None:
    runs = [scored(COUNTS, seed=seed) for seed in (0, 1)]
    runs += [scored(RIGHT, block="se", seed=0), scored(COUNTS, block="se", seed=1)]
    [comparison] = comparisons(runs)
    table = tables(metric_parts(comparison, "comparison"))[0]
    assert table.name == "comparison-metrics"
    shown = {column.header: column for column in table.columns}
    numbers = table.numbers.set_index("block")
    explained = numbers[shown["Pixel accuracy"].tip].to_dict()
    assert explained == {
        "none": "± 0.00 (standard deviation) over 2 seeds",
        "se": "± 35.36 (standard deviation) over 2 seeds; "
        "+25.00 points over the baseline, paired by seed",
    }


def test_a_block_with_a_run_without_counts_has_only_its_miou() -> None:
    """A mean over the other seeds would be compared with a mean over all."""
    lacking = scored(COUNTS, block="se", seed=1).model_copy(update={"confusion": None})
    runs = [scored(COUNTS), scored(COUNTS, seed=1), scored(COUNTS, block="se"), lacking]
    table = block_metrics(runs).set_index("block")
    assert table.loc["none", "dice"] == pytest.approx((12 / 22 + 8 / 16) / 3)
    assert list(table["dice"].isna()) == [False, True]
    assert table.loc["se", "miou"] == pytest.approx(lacking.miou)
    [comparison] = comparisons(runs)
    text = flat(metric_parts(comparison, "comparison"))
    assert "by an earlier version): 1 of 4 runs." in text
    assert "Labelled pixels" not in text


def test_without_any_counts_no_empty_table_is_shown() -> None:
    [comparison] = comparisons([record(RunConfig())])
    parts = metric_parts(comparison, "comparison")
    assert [table.name for table in tables(parts)] == ["comparison-classes"]


def test_classes_have_their_pixels_and_the_iou_of_each_block() -> None:
    runs = [scored(COUNTS), scored(RIGHT, seed=1), scored(COUNTS, block="se")]
    table = class_numbers(runs).set_index("class")
    assert list(table.index) == ["sky", "road", "bus"]  # there is no train
    assert list(table["labelled"]) == [15, 5, 0]
    assert list(table["labelled_share"]) == [0.75, 0.25, 0]
    assert list(table["iou_none"]) == pytest.approx([(6 / 16 + 1) / 2, (4 / 12 + 1) / 2, 0])
    assert list(table["iou_se"]) == pytest.approx([6 / 16, 4 / 12, 0])
    assert list(table["predicted_none"]) == [(7 + 15) / 2, (11 + 5) / 2, (2 + 0) / 2]
    assert list(table["predicted_se"]) == [7, 11, 2]


def test_absent_classes_are_named() -> None:
    text = flat(class_parts([scored(COUNTS), scored(RIGHT, block="se")], "comparison"))
    assert "Neither labelled nor predicted, so in no mean: train." in text
    assert "and in no other: bus." in text
    text = flat(class_parts([scored(RIGHT)], "comparison"))
    assert "so in no mean: train, bus." in text
    assert "Never labelled" not in text
    full = ((3, 1), (0, 4))
    text = flat(class_parts([scored(full, ("a", "b"))], "comparison"))
    assert "Neither labelled" not in text


def test_runs_that_were_scored_on_other_labels_are_named() -> None:
    other = ((6, 9, 0, 0), (1, 5, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))
    said = "scored on different labels"
    assert said in flat(class_parts([scored(COUNTS), scored(other, seed=1)], "comparison"))
    assert said not in flat(class_parts([scored(COUNTS), scored(RIGHT, seed=1)], "c"))


def test_a_class_that_one_run_labels_is_not_called_unlabelled() -> None:
    other = ((6, 9, 0, 0), (1, 4, 0, 0), (0, 0, 0, 0), (0, 0, 0, 1))
    text = flat(class_parts([scored(COUNTS), scored(other, seed=1)], "comparison"))
    assert "Never labelled" not in text


def test_many_absent_classes_are_counted_rather_than_listed() -> None:
    names = tuple(f"class {number}" for number in range(30))
    counts = np.zeros((30, 30), dtype=int)
    counts[0, 0] = 5
    text = flat(class_parts([scored(counts.tolist(), names)], "comparison"))
    assert "class 1, class 2" in text
    assert "class 20 and 9 more." in text


def test_pixels_that_were_predicted_are_folded_away() -> None:
    [*_, fold] = class_parts([scored(COUNTS)], "comparison")
    assert isinstance(fold, Fold)
    assert "| sky | 15 | 7 |" in flat([fold])
