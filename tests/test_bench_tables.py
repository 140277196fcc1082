"""What is on the pages of a bench."""

import numpy as np
import pytest

from ablations.benchmark.cases import shape_cases, stage_cases
from reports.bench_tables import bench_model_table, bench_table, panels, stage_table
from reports.plots import direct_against_fast


def test_numbers_of_stages_are_those_of_their_cases() -> None:
    cases = stage_cases(["gc", "se"], "resnet18", [(64, 64)], ["float32"])
    rows = [
        {"block": case.block, "stage": case.stage, "direct_step": 6.0 * number, **FAST}
        for number, case in enumerate(cases, start=1)
    ]
    table = stage_table(bench_table(rows))
    assert table["block"].tolist() == ["se", "gc"]
    ratios = [table[f"{stage}_step_ratio"].tolist() for stage in (2, 3, 4, 5)]
    assert ratios == [[10, 2], [12, 4], [14, 6], [16, 8]]
    assert table["2_compiled_step"].isna().all()


FAST = {"fast_step": 3.0, "fast_forward": 1.0, "bytes": 12}


def test_a_picture_has_a_panel_for_each_of_at_most_four_shapes() -> None:
    shapes = [(1, 16, 5, side) for side in range(1, 8)]
    cases = shape_cases(["se", "gc", "simam"], shapes, ["float32"])
    rows = [
        {"block": case.block, "shape": str(case.shape), "dtype": case.dtype, **FAST}
        for case in cases
    ]
    chosen = list(panels(bench_table(rows)))
    assert [len(rows) for rows in chosen] == [12, 9]
    figure = direct_against_fast(chosen[1])
    assert len(figure.axes) == 2 * 3
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["SimAM", "GC", "SE"]
    [dot] = list(figure.axes[3].collections)[:1]
    assert np.asarray(dot.get_offsets()).tolist() == [[3000, 2]]  # ms, the uppermost line


def test_a_model_is_compared_with_the_bare_one_of_the_same_rounds() -> None:
    """The machine was twice as slow when the second row was measured."""
    bare = {"block": "none", "evaluation": "direct", "macs": 100, "peak": 10}
    bare |= {"forward": 1.0, "bare_forward": 1.0, "step": 4.0, "bare_step": 4.0}
    row = {"block": "se", "evaluation": "fast", "macs": 130, "peak": 15}
    row |= {"forward": 2.2, "bare_forward": 2.0, "step": 9.6, "bare_step": 8.0}
    [_, se] = bench_model_table([bare, row]).to_dict("records")
    assert se["forward_ratio"] == pytest.approx(1.1)
    assert se["step_ratio"] == pytest.approx(1.2)
    assert (se["added_macs"], se["peak_ratio"]) == (30, 1.5)
