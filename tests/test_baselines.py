"""Blocks at any placement are paired with a baseline that has none."""

import pytest

from ablations.records import RunRecord
from ablations.run_config import RunConfig
from reports.comparison import Comparison, comparisons
from tests.test_records import record


def made(*rows: tuple[str, str, int, float]) -> list[RunRecord]:
    """Block, placement, seed, mIoU."""
    return [
        record(RunConfig(block=block, placement=placement, seed=seed), miou)
        for block, placement, seed, miou in rows
    ]


def gains(one: Comparison) -> dict[str, float]:
    return dict(zip(one.numbers["block"], one.numbers["gain"], strict=True))


def test_a_baseline_that_was_trained_once_stands_in_every_placement() -> None:
    one, two = comparisons(
        made(
            ("se", "stages", 0, 0.55),
            ("se", "stages", 1, 0.56),
            ("se", "residual", 0, 0.51),
            ("se", "residual", 1, 0.58),
            ("none", "residual", 0, 0.50),
            ("none", "residual", 1, 0.52),
        )
    )
    assert [one.setting["placement"], two.setting["placement"]] == ["residual", "stages"]
    assert gains(one) == pytest.approx({"none": 0, "se": (0.01 + 0.06) / 2})
    assert gains(two) == pytest.approx({"none": 0, "se": (0.05 + 0.04) / 2})
    assert one.notes == []
    assert two.notes == [
        "The baseline of seeds 0, 1 was trained with placement residual, evaluation fast, "
        "which have no effect without blocks."
    ]
    assert not one.orphans + two.orphans


def test_a_baseline_of_another_evaluation_will_do_if_nothing_else_differs() -> None:
    configs = [
        RunConfig(evaluation="direct"),
        RunConfig(block="se", evaluation="fast"),
        RunConfig(block="se", init="identity", evaluation="fast"),
    ]
    [one] = comparisons(map(record, configs, [0.5, 0.6, 0.4]))
    assert gains(one) == pytest.approx({"none": 0, "se": 0.1, "identity(se)": -0.1})


@pytest.mark.parametrize("key", ["lr", "weight_decay", "label_smoothing"])
def test_a_baseline_that_differs_in_anything_else_will_not_do(key: str) -> None:
    configs = [RunConfig.parse({key: 0.05}), RunConfig(block="se", placement="stages")]
    compared = comparisons(map(record, configs))
    assert sorted(len(one.records) for one in compared) == [0, 1]
    assert sum(len(one.orphans) for one in compared) == 1


def test_the_baseline_of_the_same_placement_comes_first_then_the_first_in_order() -> None:
    places = ["decoder", "stages", "residual"]
    rows = [
        ("none", place, 0, miou)
        for place, miou in zip(places, (0.1, 0.2, 0.3), strict=True)
    ]
    found = comparisons(
        made(*rows, ("se", "stages", 0, 0.5), ("se", "last_feature", 0, 0.5))
    )
    by_place = {one.setting["placement"]: one for one in found}
    assert gains(by_place["stages"])["se"] == pytest.approx(0.5 - 0.2)
    assert by_place["stages"].notes == []
    assert gains(by_place["last_feature"])["se"] == pytest.approx(0.5 - 0.3)
    [note] = by_place["last_feature"].notes
    assert "trained with placement residual, evaluation fast, which have no" in note
    assert note.endswith("without blocks; it is the first of 3 equal ones.")
    assert len(by_place["decoder"].records) == 1  # of no use to a block, yet shown


def test_a_seed_without_its_own_baseline_borrows_one_and_repeats_come_along() -> None:
    rows = made(
        ("none", "stages", 0, 0.50),
        ("none", "residual", 0, 0.40),
        ("none", "residual", 1, 0.41),
        ("se", "residual", 1, 0.61),
        ("se", "stages", 0, 0.60),
        ("se", "stages", 1, 0.62),
        ("se", "stages", 2, 0.63),
    )
    again = record(RunConfig(seed=1, repeat=1), 0.45)
    _, two = comparisons([*rows, again])
    assert gains(two)["se"] == pytest.approx((0.10 + 0.21) / 2)
    assert [r.config.seed for r in two.orphans] == [2]
    assert [r.miou for r in two.repeats] == [0.45]
    assert two.noise is not None
    assert two.noise.largest == pytest.approx(0.04)


def test_a_setting_with_its_own_baselines_takes_no_more_than_its_blocks_need() -> None:
    rows = [("none", "residual", seed, 0.4) for seed in range(3)]
    _, two = comparisons(
        made(
            *rows,
            ("se", "residual", 0, 0.5),
            ("none", "stages", 0, 0.3),
            ("se", "stages", 0, 0.5),
        )
    )
    assert [r.config.seed for r in two.records] == [0, 0]
    _, two = comparisons(made(*rows, ("se", "residual", 0, 0.5), ("se", "stages", 0, 0.5)))
    assert sorted(r.config.seed for r in two.records) == [0, 0, 1, 2]


def test_versions_of_a_users_data_set_or_placement_are_not_compared() -> None:
    rows = [
        ("none", "placement=aaaaaa,dataset=111111", 0.50),
        ("none", "placement=bbbbbb,dataset=111111", 0.90),
        ("se", "placement=aaaaaa,dataset=111111", 0.52),
        ("se", "placement=cccccc,dataset=111111", 0.53),
        ("se", "placement=cccccc,dataset=222222", 0.54),
    ]
    found = comparisons(
        record(
            RunConfig(block=block, source=source, placement="my:f", dataset="my:Data"), miou
        )
        for block, source, miou in rows
    )
    shown = {str(one.setting["source"]): one for one in found}
    assert gains(shown["placement=aaaaaa,dataset=111111"])["se"] == pytest.approx(0.02)
    # the placement's version is nothing to a baseline, so the first that there is
    assert gains(shown["placement=cccccc,dataset=111111"])["se"] == pytest.approx(0.03)
    assert len(shown["placement=cccccc,dataset=222222"].orphans) == 1
    assert len(shown["placement=bbbbbb,dataset=111111"].records) == 1


def test_the_baselines_of_another_placement_are_no_setting_of_their_own() -> None:
    found = comparisons(made(("none", "stages", 0, 0.5), ("se", "residual", 0, 0.6)))
    assert [one.setting["placement"] for one in found] == ["residual"]


def test_the_nearest_of_several_equal_baselines_is_taken() -> None:
    """Its own evaluation, then its own placement, then the first in order."""
    configs = {
        0.10: RunConfig(placement="residual", evaluation="fast"),
        0.20: RunConfig(placement="stages", evaluation="direct"),
        0.50: RunConfig(block="se", placement="stages", evaluation="fast"),
    }
    records = [record(config, miou) for miou, config in configs.items()]
    own = record(RunConfig(placement="stages", evaluation="fast"), 0.15)
    for baselines, gain in ((records, 0.30), ([*records, own], 0.35)):
        [one] = [one for one in comparisons(baselines) if "se" in gains(one)]
        assert gains(one)["se"] == pytest.approx(gain)
