"""The tests of a comparison: each block against the baseline, and against its control."""

from pandas import DataFrame

from reports.controls import (
    against_baseline,
    control_comparison,
    differences,
    hardest,
    scores,
)
from reports.power import detectable, seeds_needed
from reports.statistics import effect_size, holm

CONTROL = ["control", "control_gain", "control_low", "control_high", "control_p"]


def with_tests(numbers: DataFrame, runs: DataFrame) -> DataFrame:
    """The rows of tables.block_comparison with further columns.

    gain_p_holm   gain_p, adjusted by Holm's method for all blocks of the setting; missing
                  for a control beside its block, whose question is the block
    effect        Hedges' g_z of the gain
    detectable    the smallest true gain that so many seeds show with 80 % power
    seeds_needed  that would decide a gain as large as the measured one; infinity if > 1000
    control       of the block's controls, the one over which it gains least
    control_gain  mean over seeds of the block's miou minus this control's
    control_low, control_high, control_p
                  its 95 % t interval and sign-flip p, adjusted for all blocks with controls
    """
    found = scores(runs)
    tested = against_baseline(numbers["block"])
    single = dict(zip(numbers["block"], numbers["gain_p"], strict=True))
    adjusted = holm([single[block] for block in tested])
    gains = {block: differences(found[block], found["none"]) for block in found}
    rows = [
        {
            "block": block,
            "gain_p_holm": dict(zip(tested, adjusted, strict=True)).get(block),
            "effect": effect_size(gains[block]),
            "detectable": detectable(gains[block]),
            "seeds_needed": seeds_needed(gains[block], len(tested)),
        }
        for block in numbers["block"]
    ]
    tests = DataFrame(rows).astype({"gain_p_holm": float})
    tests.loc[tests["block"] == "none", tests.columns != "block"] = float("nan")
    controls = hardest(control_comparison(runs))[["block", *CONTROL]]
    return numbers.merge(tests, on="block").merge(controls, how="left", on="block")
