"""Tables agree with the records, which are small enough to check by hand."""

import itertools
import math
from typing import Any

import pytest
from pandas import DataFrame
from scipy import stats

from ablations.run_config import RunConfig
from reports.baselines import grouped
from reports.columns import COMPARISON, comparison_columns
from reports.comparison import comparisons
from reports.section import comparison_table
from reports.statistics import interval, sign_flip_p
from reports.tables import (
    block_comparison,
    block_order,
    class_iou,
    curves,
    runs_table,
    version,
)
from reports.units import label
from tests.test_records import record


def runs(*rows: tuple[str, int, float]) -> DataFrame:
    return runs_table(
        record(RunConfig(block=block, seed=seed), miou) for block, seed, miou in rows
    )


def row(table: DataFrame, block: str) -> dict[Any, Any]:
    return table.set_index("block").loc[block].to_dict()


def test_gain_is_paired_by_seed() -> None:
    table = block_comparison(
        runs(
            ("psa_parallel", 0, 0.79),
            ("psa_parallel", 1, 0.75),
            ("none", 0, 0.77),
            ("none", 1, 0.74),
            ("none", 2, 0.10),  # no partner: counts for the baseline row only
        )
    )
    assert list(table["block"]) == ["none", "psa_parallel"]
    assert row(table, "psa_parallel")["miou"] == pytest.approx(0.77)
    assert row(table, "psa_parallel")["gain"] == pytest.approx(0.015)
    assert row(table, "psa_parallel")["gain_p"] == 0.5
    assert row(table, "none")["gain"] == 0
    assert row(table, "none")["seeds"] == 3
    assert math.isnan(row(table, "none")["gain_p"])


@pytest.mark.parametrize(
    ("views", "header"),
    [("flip", "mIoU, flipped (%)"), ("multi_scale", "mIoU, multi-scale (%)")],
)
def test_a_score_over_several_views_has_a_column_of_its_own(
    views: str, header: str
) -> None:
    """It is never the headline: the gain is that of the plain score."""
    table = block_comparison(
        runs_table(
            record(
                RunConfig.parse({"block": block, "seed": seed, "test_augmentation": views}),
                miou,
            ).model_copy(update={"miou_augmented": miou + 0.05})
            for block, seed, miou in (("none", 0, 0.5), ("se", 0, 0.6), ("none", 1, 0.7))
        )
    )
    assert row(table, "none")["miou_augmented"] == pytest.approx(0.65)
    assert row(table, "se")["miou_augmented"] == pytest.approx(0.65)
    assert row(table, "se")["gain"] == pytest.approx(0.1)
    columns = comparison_columns(table, views)
    assert [column.header for column in columns][1:4] == ["mIoU (%)", header, "Gain"]


def test_without_such_scores_there_is_no_such_column() -> None:
    table = block_comparison(runs(("none", 0, 0.5), ("se", 0, 0.6)))
    assert "miou_augmented" not in table
    assert comparison_columns(table, "none") == COMPARISON


def test_a_run_without_its_baseline_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no baseline run for psa_parallel.*-s1-"):
        block_comparison(runs(("psa_parallel", 1, 0.79), ("none", 0, 0.7)))


def test_a_duplicate_run_is_an_error() -> None:
    with pytest.raises(ValueError, match="duplicate runs"):
        block_comparison(runs(("none", 0, 0.79), ("none", 0, 0.7)))


def test_one_seed_has_no_spread() -> None:
    table = block_comparison(runs(("none", 0, 0.77), ("se", 0, 0.78)))
    assert math.isnan(row(table, "se")["miou_std"])
    assert math.isnan(row(table, "se")["gain_low"])
    assert row(table, "se")["gain_p"] == 1


def test_cost_is_added_to_the_baselines() -> None:
    table = runs(("none", 0, 0.7), ("se", 0, 0.7))
    table.loc[1, ["params", "macs"]] = [12, 150]
    shares = row(block_comparison(table), "se")
    assert shares["added_params_share"] == pytest.approx(0.2)
    assert shares["added_macs_share"] == pytest.approx(0.5)


def test_blocks_of_ones_own_come_last() -> None:
    assert block_order(["my:Block", "cbam", "none"]) == ["none", "cbam", "my:Block"]


def test_starts_and_controls_follow_their_block() -> None:
    names = [
        "matched_macs(se(ratio=4))",
        "my:Block",
        "identity(se(ratio=4))",
        "matched_params(my:Block)@0123ab",
        "identity(matched_params(se(ratio=4)))",
        "cbam",
        "matched_params(se(ratio=4))",
        "se(ratio=4)",
        "matched_macs(se)",
        "none",
        "matched_params(",
    ]
    assert block_order(names) == [
        "none",
        "matched_macs(se)",
        "se(ratio=4)",
        "identity(se(ratio=4))",
        "matched_params(se(ratio=4))",
        "identity(matched_params(se(ratio=4)))",
        "matched_macs(se(ratio=4))",
        "cbam",
        "matched_params(",
        "my:Block",
        "matched_params(my:Block)@0123ab",
    ]


def test_a_start_is_compared_with_the_same_baseline_as_the_plain_block() -> None:
    configs = [
        RunConfig(),
        RunConfig(block="se"),
        RunConfig(block="se", init="identity"),
        RunConfig(block="matched_params(se)"),
    ]
    mious = [0.5, 0.52, 0.55, 0.51]
    [one] = comparisons(map(record, configs, mious))
    assert "init" not in one.setting
    assert not one.orphans
    table = one.numbers
    assert list(table["block"]) == ["none", "se", "identity(se)", "matched_params(se)"]
    assert table["gain"].tolist() == pytest.approx([0, 0.02, 0.05, 0.01])
    assert [label(block) for block in table["block"]] == [
        "Baseline",
        "SE",
        "SE, identity start",
        "Same params as SE",
    ]


def test_repeats_are_no_seeds() -> None:
    rows = [  # block, seed, repeat, miou
        ("none", 0, 0, 0.50),
        ("none", 0, 1, 0.53),
        ("none", 0, 3, 0.51),
        ("se", 0, 0, 0.60),
        ("se", 0, 1, 0.64),
        ("se", 1, 2, 0.70),  # seed 1 has no baseline
        ("none", 2, 4, 0.40),  # the first that there is
        ("none", 2, 5, 0.90),
        ("se", 2, 0, 0.45),
    ]
    [one] = comparisons(
        record(RunConfig(block=block, seed=seed, repeat=repeat), miou)
        for block, seed, repeat, miou in rows
    )
    assert [r.config.seed for r in one.orphans] == [1]
    assert [r.miou for r in one.repeats] == [0.53, 0.51, 0.64, 0.90]
    assert row(one.numbers, "none")["seeds"] == 2
    assert row(one.numbers, "none")["miou"] == pytest.approx(0.45)
    assert row(one.numbers, "se")["gain"] == pytest.approx((0.10 + 0.05) / 2)
    differences = [0.03, 0.01, 0.02, 0.04, 0.50]
    assert one.noise is not None
    assert one.noise.pairs == len(differences)
    assert one.noise.largest == pytest.approx(0.50)
    assert one.noise.mean == pytest.approx(sum(differences) / 5)


def test_without_repeats_there_is_no_noise_floor() -> None:
    [one] = comparisons([record(RunConfig()), record(RunConfig(seed=1))])
    assert one.noise is None
    assert not one.repeats


def test_runs_that_differ_in_anything_but_block_and_seed_are_not_compared() -> None:
    configs = [
        RunConfig(),
        RunConfig(seed=1),
        RunConfig(encoder_weights="x"),
        RunConfig(lr=1),
    ]
    groups = grouped([record(config) for config in configs])
    assert [len(group.records) for group in groups] == [2, 1, 1]
    assert [group.setting["lr"] for group in groups] == [0.002, 1.0, 0.002]


def test_class_iou_is_averaged_over_the_seeds_where_the_class_occurs() -> None:
    records = [record(RunConfig(seed=seed)) for seed in (0, 1)]
    first = records[0].model_copy(update={"iou": {"ground": 0.9, "one": 0.5, "two": None}})
    second = records[1].model_copy(
        update={"iou": {"ground": 0.7, "one": None, "two": None}}
    )
    table = class_iou([first, second])
    assert row(table, "none") == {"iou_ground": pytest.approx(0.8), "iou_one": 0.5}


def test_a_curve_is_averaged_over_seeds_and_paired_with_the_baseline_of_each() -> None:
    mious = {("none", 0): 0.2, ("none", 1): 0.4, ("se", 0): 0.3, ("se", 1): 0.42}
    records = [
        record(RunConfig(block=block, seed=seed)).model_copy(
            update={"curve": [{"step": 5.0, "val_miou": miou}, {"step": 5.0, "loss": 1.0}]}
        )
        for (block, seed), miou in mious.items()
    ]
    table = curves(records)
    assert list(table["block"]) == ["none", "se"]
    expected = {  # miou, low, high, then the gains 0.1 and 0.02
        "none": [5, 0.3, 0.2, 0.4, 0, 0, 0, 2],
        "se": [5, 0.36, 0.3, 0.42, 0.06, 0.02, 0.1, 2],
    }
    for block, numbers in expected.items():
        assert list(row(table, block).values()) == pytest.approx(numbers)


def test_a_curve_without_a_validation_of_its_baseline_has_no_gain() -> None:
    late = record(RunConfig(block="se")).model_copy(
        update={"curve": [{"step": 9.0, "val_miou": 0.5}]}
    )
    assert math.isnan(row(curves([record(RunConfig()), late]), "se")["gain"])


@pytest.mark.parametrize("count", [1, 3, 5, 8])
def test_the_sign_flip_p_counts_every_flip(count: int) -> None:
    values = [0.3, 0.1, -0.2, 0.4, 0.25, -0.05, 0.15, 0.1][:count]
    difference = abs(sum(values))
    flips = [
        abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
        for signs in itertools.product([1, -1], repeat=count)
    ]
    expected = sum(flip >= difference - 1e-12 for flip in flips) / len(flips)
    assert sign_flip_p(values) == pytest.approx(expected)


def test_three_equal_signs_cannot_be_below_a_quarter() -> None:
    assert sign_flip_p([0.1, 0.2, 0.3]) == 0.25
    assert sign_flip_p([0.1, 0.2, 0.3, 0.1, 0.2]) == 0.0625


def test_the_interval_is_students() -> None:
    values = [0.1, 0.4, 0.3]
    mean, error = sum(values) / 3, stats.sem(values)
    assert interval(values) == pytest.approx(stats.t.interval(0.95, 2, mean, error))


def test_blocks_are_in_the_registry_s_order_and_then_by_their_options() -> None:
    names = ["my:B", "se(ratio=16, x=1)", "gc", "se(ratio=4)", "se(ratio=8)", "none", "se"]
    assert block_order(names) == [
        "none", "se", "se(ratio=4)", "se(ratio=8)", "se(ratio=16, x=1)", "gc", "my:B",
    ]  # fmt: skip


def test_a_version_is_that_of_the_block() -> None:
    sources = "block=aaaaaaaaaaaa,placement=bbbbbbbbbbbb,dataset=cccccccccccc"
    config = RunConfig(block="my_file:B", placement="my_file:places", source=sources)
    assert version(record(config)) == "aaaaaa"
    only = RunConfig(placement="my_file:places", source="placement=bbbbbbbbbbbb")
    assert version(record(only)) == "unknown"


def test_a_score_on_the_test_split_stands_beside_its_validation() -> None:
    stated, older = (
        record(RunConfig(seed=seed), 0.5).model_copy(
            update={
                "config": RunConfig(seed=seed, score_on="test"),
                "test_loss": 0.7,
                "val_miou": validated,
                "curve": [{"step": 1, "val_miou": 0.9}, {"step": 2, "val_miou": 0.25}],
            }
        )
        for seed, validated in ((0, 0.75), (1, None))
    )
    [tested] = comparisons([stated, older])
    table = comparison_table(tested, [])
    shown = [column.header for column in table.columns][1:3]
    assert shown == ["Validation mIoU (%)", "Test mIoU (%)"]
    assert table.numbers[["val_miou", "miou"]].to_numpy().tolist() == [[0.5, 0.5]]
    [validated] = comparisons([record(RunConfig())])
    assert [c.header for c in comparison_table(validated, []).columns][1] == "mIoU (%)"


def test_an_older_run_of_the_best_weights_has_no_known_validation() -> None:
    config = RunConfig(score_on="test", select="best")
    run = record(RunConfig()).model_copy(update={"config": config, "test_loss": 0.7})
    assert math.isnan(runs_table([run])["val_miou"].item())
