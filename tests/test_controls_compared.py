"""Controls stand beside their block, and the tests of a setting are one family."""

from math import isnan
from typing import Any

import pytest
from scipy import stats

from ablations.records import RunRecord
from ablations.run_config import RunConfig
from reports.comparison import Comparison, comparisons
from reports.controls import against_baseline, control_comparison, with_controls
from tests.test_records import record

GAINS = {
    "se": [0.010, 0.012, 0.014, 0.009, 0.011, 0.013],
    "matched_params(se)": [0.011, 0.002, 0.003, 0.004, 0.005],
    "matched_macs(se)": [0.001, -0.004, 0.002, 0.003, 0.001, 0.002],
    "gc": [0.01, -0.02, 0.03, 0.01, 0.02, 0.03],
}


def runs_with(gains: dict[str, list[float]], config: RunConfig) -> list[RunRecord]:
    """One run of each gain over a baseline of 0.5 and a bit more for each seed."""
    seeds = range(max(map(len, gains.values())))
    runs = [record(config.changed(seed=seed), 0.5 + seed / 100) for seed in seeds]
    for block, values in gains.items():
        for seed, gain in enumerate(values):
            one = config.changed(block=block, seed=seed)
            runs.append(record(one, 0.5 + seed / 100 + gain))
    return runs


def row_by_block(comparison: Comparison) -> dict[str, dict[str, Any]]:
    rows = comparison.numbers.to_dict("index").values()
    return {str(row["block"]): {str(k): v for k, v in row.items()} for row in rows}


@pytest.fixture
def comparison() -> Comparison:
    [one] = comparisons(runs_with(GAINS, RunConfig()))
    return one


def test_only_blocks_are_a_family_against_the_baseline(comparison: Comparison) -> None:
    table = row_by_block(comparison)
    # se is positive six times: 2 of 64 flips; gc: by the test of the single block
    assert table["se"]["gain_p"] == 2 / 64
    assert table["se"]["gain_p_holm"] == 2 * 2 / 64
    assert table["gc"]["gain_p_holm"] == max(4 / 64, table["gc"]["gain_p"])
    for name in ("none", "matched_params(se)", "matched_macs(se)"):
        assert isnan(table[name]["gain_p_holm"])


def test_a_control_without_its_block_is_compared_with_the_baseline() -> None:
    assert against_baseline(["none", "gc", "matched_macs(se)"]) == [
        "gc",
        "matched_macs(se)",
    ]
    assert against_baseline(["none", "se", "matched_macs(se)"]) == ["se"]


def test_a_block_is_paired_with_each_of_its_controls(comparison: Comparison) -> None:
    table = control_comparison(comparison.runs).set_index("control")
    assert set(table["block"]) == {"se"}
    over = [a - b for a, b in zip(GAINS["se"], GAINS["matched_params(se)"], strict=False)]
    row = table.loc["matched_params(se)"]
    assert row["control_seeds"] == 5
    assert row["control_gain"] == pytest.approx(sum(over) / 5)
    expected = stats.t.interval(0.95, 4, sum(over) / 5, stats.sem(over))
    assert (row["control_low"], row["control_high"]) == pytest.approx(expected)
    # four positive and one of -0.001: only the flip of that one is as extreme
    assert row["control_single"] == pytest.approx(4 / 32)
    assert table.loc["matched_macs(se)", "control_p"] == pytest.approx(2 * 2 / 64)


def test_the_row_of_a_block_holds_the_control_that_it_gains_least_over(
    comparison: Comparison,
) -> None:
    table = comparison.numbers.set_index("block")
    assert table.loc["se", "control"] == "matched_params(se)"
    assert table.loc["se", "control_gain"] == pytest.approx(0.0062)
    assert table["control"].isna().tolist() == [True, False, True, True, True]


def test_starts_and_versions_have_controls_of_their_own() -> None:
    names = [
        "none",
        "my_file:Own@aaaaaa",
        "my_file:Own@bbbbbb",
        "matched_macs(my_file:Own)@bbbbbb",
        "matched_macs(my_file:Own)@cccccc",
        "identity(se)",
        "identity(matched_macs(se))",
    ]
    assert with_controls(names) == [
        ("my_file:Own@bbbbbb", "matched_macs(my_file:Own)@bbbbbb"),
        ("identity(se)", "identity(matched_macs(se))"),
    ]


def test_the_baseline_has_no_tests(comparison: Comparison) -> None:
    row = comparison.numbers.set_index("block").loc["none"]
    assert row[["gain_p_holm", "effect", "detectable", "seeds_needed"]].isna().all()


def test_without_controls_their_columns_are_empty() -> None:
    [one] = comparisons(runs_with({"se": [0.01, 0.02]}, RunConfig()))
    assert one.numbers[["control", "control_gain", "control_p"]].isna().all(axis=None)
    assert control_comparison(one.runs).empty
