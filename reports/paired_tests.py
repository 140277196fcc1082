"""The tests of a comparison: each block against the baseline, and against its control."""

from math import nan
from typing import Any

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
    blocks = numbers["block"].tolist()
    tested = against_baseline(blocks)
    single = dict(zip(blocks, numbers["gain_p"], strict=True))
    adjusted = dict(zip(tested, holm([single[block] for block in tested]), strict=True))
    # Of the baseline all differences are zero, which have no size.
    gains = [differences(found[block], found.get("none", {})) for block in blocks]
    return numbers.assign(
        gain_p_holm=[adjusted.get(block, nan) for block in blocks],
        effect=[effect_size(values) for values in gains],
        detectable=[detectable(values) for values in gains],
        seeds_needed=[seeds_needed(values, len(tested)) for values in gains],
        **control_columns(blocks, runs),
    )


def control_columns(blocks: list[str], runs: DataFrame) -> dict[str, list[Any]]:
    """The columns CONTROL, with a value for each block."""
    rows = hardest(control_comparison(runs)).to_dict("records")
    by_block = {str(row["block"]): row for row in rows}
    return {
        name: [by_block.get(block, {}).get(name, nan) for block in blocks]
        for name in CONTROL
    }
