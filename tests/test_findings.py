"""The sentences of a page, whole, for what studies come out with."""

from math import nan

import pytest

from ablations.records import RunRecord
from ablations.run_config import RunConfig
from reports.comparison import comparisons
from reports.estimates import over_seeds
from reports.finding_words import decided, undecided
from reports.findings import conclusions, findings
from reports.page import Items
from tests.test_controls_compared import runs_with
from tests.test_records import record

SIX = [0.010, 0.012, 0.014, 0.009, 0.011, 0.013]
MIXED = [0.010, -0.012, 0.014, 0.009, -0.011, 0.013]


def told(records: list[RunRecord], missing: tuple[str, ...] = ()) -> dict[str, str]:
    """The sentences by their label."""
    found: dict[str, str] = {}
    for part in findings(comparisons(records), missing):
        assert isinstance(part, Items)
        for item in part.items:
            texts = [each if isinstance(each, str) else each[0] for each in item.parts]
            name, _, line = "".join(texts).partition(": ")
            found[name] = line
    return found


def of(gains: dict[str, list[float]], config: RunConfig | None = None) -> dict[str, str]:
    return told(runs_with(gains, config or RunConfig()))


def test_one_seed_decides_nothing() -> None:
    assert of({"se": [0.012], "gc": [-0.003]}) == {
        "Asked": "do SE and GC change mIoU? Each was compared with the network without a "
        "block, paired by seed, with one seed, in one setting (digits, deeplabv3plus, "
        "resnet18, residual). mIoU is that of the validation split, on which settings may "
        "have been chosen, after 400 steps.",
        "Found": "nothing can be decided with one seed, since a difference may be due to "
        "the seed alone.",
        "Not decided": "SE +1.20 points; GC -0.30 points. To decide anything, these 2 "
        "tests would take at least 7 seeds.",
    }


def test_without_a_baseline_there_is_no_gain() -> None:
    assert told([record(RunConfig(block="se", seed=seed)) for seed in (0, 1)]) == {
        "Not compared": "there is no run without a block, so no gain can be stated.",
        "Missing": "2 runs without a baseline of the same seed, in no gain.",
    }


def test_three_seeds_cannot_decide_even_if_all_agree() -> None:
    lines = of({"se": [0.010, 0.012, 0.014]})
    assert lines["Found"] == (
        "nothing can be decided: with 3 seeds the exact sign-flip test cannot give a p "
        "below 0.25."
    )
    assert lines["Not decided"] == (
        "SE +1.20 points (95 % interval +0.70 to +1.70). Intervals assume normal "
        "differences: one that excludes zero decides nothing by itself. A decision is "
        "estimated to take 6 seeds for SE (80 % power, if true gains and spreads are as "
        "measured). With this many seeds a 95 % interval excludes zero in four of five "
        "studies only if the true difference is at least 0.65 points for SE."
    )


def test_six_equal_signs_decide_one_block() -> None:
    lines = of({"se": SIX}, RunConfig(select="best"))
    assert lines["Asked"].startswith("does SE change mIoU? It was compared with")
    assert lines["Asked"].endswith(
        "with the weights of the best validation within 400 steps."
    )
    assert lines["Found"] == (
        "mIoU is 1.15 points higher with SE (95 % interval +0.95 to +1.35, 6 seeds, p = "
        "0.0312), by the exact sign-flip test."
    )
    assert "Not decided" not in lines


def test_a_loss_is_a_finding_too() -> None:
    assert of({"se": [-gain for gain in SIX]})["Found"] == (
        "mIoU is 1.15 points lower with SE (95 % interval -1.35 to -0.95, 6 seeds, p = "
        "0.0312), by the exact sign-flip test."
    )


def test_six_seeds_cannot_decide_two_blocks() -> None:
    lines = of({"se": SIX, "gc": MIXED})
    assert lines["Found"] == (
        "nothing can be decided: with 6 seeds the exact sign-flip test with Holm's "
        "correction for 2 tests cannot give a p below 0.0625."
    )
    assert lines["Not decided"].startswith(
        "SE +1.15 points (95 % interval +0.95 to +1.35); GC +0.38 points (95 % interval "
        "-0.88 to +1.65). Intervals assume normal differences and are not corrected for 2 "
        "tests: one that excludes zero decides nothing by itself. A decision is estimated "
        "to take 7 seeds for SE and 97 for GC"
    )


def test_what_holms_correction_takes_away_is_said() -> None:
    lines = of({"se": [0.010, 0.012, 0.014, -0.0005, 0.011, 0.013, 0.008], "gc": MIXED})
    assert lines["Found"] == (
        "no difference is supported by the exact sign-flip test with Holm's correction for "
        "2 tests."
    )
    assert "p = 0.0625, without the correction 0.0312)" in lines["Not decided"]


def test_a_block_may_equal_its_control() -> None:
    control = [0.011, 0.0115, 0.013, 0.010, 0.0105, 0.0135]
    lines = of({"se": SIX, "matched_params(se)": control})
    assert lines["Found"].startswith("mIoU is 1.15 points higher with SE (")
    assert "Holm" not in lines["Found"]
    assert lines["Controls"] == (
        "no difference is supported by the exact sign-flip test. SE against Same params as "
        "SE -0.01 points (95 % interval -0.10 to +0.08, p = 1)."
    )


def test_a_block_may_exceed_its_control() -> None:
    lines = of(
        {"se": SIX, "matched_macs(se)": [gain - 0.005 for gain in SIX[:5]] + [0.002]}
    )
    assert lines["Controls"] == (
        "mIoU is 0.60 points higher with SE than with Same MACs as SE (95 % interval +0.34 "
        "to +0.86, 6 seeds, p = 0.0312), by the exact sign-flip test."
    )


def several(gains: dict[str, list[float]], settings: int) -> list[RunRecord]:
    """Each setting's gains are a little smaller than those of the one before."""
    records = []
    for number in range(settings):
        less = {b: [g - number / 1000 for g in values] for b, values in gains.items()}
        records += runs_with(less, RunConfig(lr=(number + 1) / 1000))
    return records


def test_settings_are_summarised_before_single_ones() -> None:
    lines = told(several({"se": [0.010, 0.012, 0.014], "gc": [0.006, -0.002]}, 7), ("x",))
    assert lines == {
        "Asked": "do SE and GC change mIoU? Each was compared with the network without a "
        "block, paired by seed, with 2 to 3 seeds, in 7 settings, which differ in lr (7 "
        "values). mIoU is that of the validation split, on which settings may have been "
        "chosen, after 400 steps.",
        "Found": "averaged over settings with equal weights, mIoU is 0.90 points higher "
        "with SE (95 % interval +0.70 to +1.10, 7 settings, higher in 7, p = 0.0312), by "
        "the exact sign-flip test with Holm's correction for 2 tests.",
        "Not decided": "GC -0.10 points (95 % interval -0.30 to +0.10, higher in 2 of 7, p "
        "= 0.344). A decision is estimated to take 47 settings for GC (80 % power, if true "
        "gains and spreads are as measured). With this many settings a 95 % interval "
        "excludes zero in four of five studies only if the true difference is at least "
        "0.27 points for GC.",
        "Single settings": "nothing can be decided: with 3 seeds the exact sign-flip test "
        "with Holm's correction for 14 tests cannot give a p below 1.",
        "Missing": "1 planned run without a record, so means may be biased.",
    }


def test_a_single_setting_that_decides_is_named() -> None:
    records = runs_with({"se": SIX}, RunConfig(placement="stages"))
    records += runs_with({"gc": SIX * 2}, RunConfig(placement="decoder"))
    records += runs_with({"gc": MIXED[:2]}, RunConfig())
    line = told(records)["Single settings"]
    assert line.startswith("mIoU is 1.15 points higher with GC in placement decoder (")
    assert line.endswith("by the exact sign-flip test with Holm's correction for 3 tests.")


def test_only_a_baseline_compares_nothing() -> None:
    scores = {0: 0.5, 1: 0.51}
    assert told([record(RunConfig(seed=s), miou) for s, miou in scores.items()]) == {
        "Not compared": "only the network without a block has runs (2, a mean mIoU of "
        "50.50 %)."
    }


def test_equal_runs_are_named_as_unchanged() -> None:
    lines = of({"se": [0.0] * 6})
    assert lines["Found"] == "no difference is supported by the exact sign-flip test."
    assert lines["Unchanged"] == (
        "with SE every run has exactly the mIoU of the baseline, as if the block were not "
        "in the network."
    )
    assert "Not decided" not in lines


def test_a_gain_that_is_not_a_number_is_not_tested() -> None:
    family = over_seeds({"SE": SIX, "GC": [0.01, nan, 0.02]})
    lines = dict(conclusions(family, "seed"))
    assert lines["Not a number"] == "the gain of GC."
    assert "GC" not in lines["Found"] + lines["Not decided"]
    assert lines["Found"].startswith("mIoU is 1.15 points higher with SE")
    assert decided(over_seeds({"GC": [nan]}), "seed") == ""
    assert undecided(over_seeds({"GC": [nan]}), "seed") == ""


def test_of_many_blocks_the_largest_differences_are_named() -> None:
    gains = {
        f"se(ratio={k + 1})": [((k * 7 + s * 5) % 11 - 4 + k / 5) / 1000 for s in range(6)]
        for k in range(20)
    }
    lines = of(gains)
    assert lines["Asked"].startswith("which of 20 blocks change mIoU? Each was compared")
    assert lines["Found"] == (
        "nothing can be decided: with 6 seeds the exact sign-flip test with Holm's "
        "correction for 20 tests cannot give a p below 0.625."
    )
    means = {name: sum(values) / 6 for name, values in gains.items()}
    largest = max(means, key=lambda name: abs(means[name]))
    assert lines["Not decided"].startswith(largest.replace("se(ratio=", "SE (ratio "))
    assert "; and 14 others, see the table. " in lines["Not decided"]
    assert "to take 10 to 16 seeds for those named (" in lines["Not decided"]


def test_what_is_missing_is_named() -> None:
    records = runs_with({"se": [0.01, 0.02]}, RunConfig())
    records.append(record(RunConfig(block="gc", seed=5)))
    records.append(record(RunConfig(lr=1.0)))
    uncounted = {"macs": None, "not_counted": "aten::gru"}
    records = [
        one.model_copy(update=uncounted if one.config.block == "se" else {})
        for one in records
    ]
    assert told(records, ("a", "b"))["Missing"] == (
        "2 planned runs without a record, so means may be biased; 1 run without a baseline "
        "of the same seed, in no gain; 1 setting with nothing to compare; the MACs of SE, "
        "not counted."
    )


def test_the_noise_of_equal_runs_is_stated() -> None:
    records = runs_with({"se": [0.01, 0.02]}, RunConfig())
    records.append(record(RunConfig(repeat=1), 0.507))
    assert told(records)["Noise"] == (
        "runs of the same block and seed differ by up to 0.70 points."
    )


@pytest.mark.parametrize(("seeds", "test"), [(17, "t-test"), (16, "exact sign-flip test")])
def test_the_test_is_named(seeds: int, test: str) -> None:
    lines = of({"se": [0.01 + seed % 3 / 1000 for seed in range(seeds)]})
    assert lines["Found"].endswith(f", by the {test}.")


def test_a_test_score_was_not_chosen_on() -> None:
    scores = {"test_loss": 0.5, "config": RunConfig(score_on="test")}
    scored = RunRecord(**record().model_dump() | scores)
    blocks = [scored.config.changed(block=block) for block in ("none", "se")]
    line = told([scored.model_copy(update={"config": one}) for one in blocks])["Asked"]
    assert line.endswith("mIoU is that of the test split, after 400 steps.")
