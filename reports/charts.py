"""Interactive charts of comparisons, as Vega-Lite specifications with their data.

Names of blocks and settings are values of the data or of menus, never a part of an
expression.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from reports import chart_axes, chart_marks
from reports.comparison import Comparison
from reports.page import Chart
from reports.plots.forest import seed_gains
from reports.plots.labels import name
from reports.plots.looks import setting_names
from reports.plots.style import FAMILIES, families_of, family
from reports.statistics import interval
from reports.tables import block_order

COSTS = {"macs": "MACs added", "params": "Parameters added"}  # in the order of the menu
MEASURES = {"gain": "Gain in mIoU (points)", "miou": "mIoU (%)"}
DIGITS = 6  # significant ones, which keeps the data of thousands of runs small

Row = dict[str, Any]


def cost_chart(comparisons: Sequence[Comparison]) -> Chart:
    """Gain or mIoU over added cost: means with their t intervals, and a dot for each run.

    Menus choose the measure, the cost, a block to point out and, of several, the setting.
    A dot leads to the address #run-RUN_ID.
    """
    present = [one for one in comparisons if one.records]
    order = block_order(block for one in present for block in one.numbers["block"])
    blocks = [row for place, one in enumerate(present) for row in block_rows(one, place)]
    keys = {(row["setting"], row["id"]): key for key, row in enumerate(blocks)}
    runs = [row for place, one in enumerate(present) for row in run_rows(one, place, keys)]
    for key, row in enumerate(blocks):
        row |= {"key": key, "block": order.index(row.pop("id"))}
    menus = [
        chart_axes.menu("measure", "Vertical axis:", MEASURES),
        chart_axes.menu("cost", "Horizontal axis:", COSTS),
        chart_axes.menu("block", "Block:", {-1: "all"} | dict(enumerate(map(name, order)))),
        chart_axes.menu("setting", "Setting:", dict(enumerate(setting_names(present)))),
    ]
    return Chart("Gain and mIoU against added cost", chart(blocks, runs, menus, order))


def block_rows(comparison: Comparison, setting: int) -> Iterator[Row]:
    """A row for each block: percent and points, and costs over the baseline's."""
    runs, rows = comparison.runs, comparison.numbers.to_dict("records")
    for row in rows:
        mious = runs.loc[runs["block"] == row["block"], "miou"].tolist()
        yield {
            "id": row["block"],
            "setting": setting,
            "name": name(row["block"]),
            "family": FAMILIES[family(row["block"])].label,
            "baseline": row["block"] == "none",
            "seeds": row["seeds"],
            "gain": in_points(row["gain"]),
            "gain_low": in_points(row["gain_low"]),
            "gain_high": in_points(row["gain_high"]),
            "miou": in_points(row["miou"]),
            "miou_low": in_points(interval(mious)[0]),
            "miou_high": in_points(interval(mious)[1]),
        } | {cost: added(row[cost], rows[0][cost]) for cost in COSTS}


def run_rows(
    comparison: Comparison, setting: int, keys: dict[tuple[int, str], int]
) -> Iterator[Row]:
    """A row for each run, with the key of its block's row."""
    for run in seed_gains(comparison.runs).to_dict("records"):
        yield {
            "key": keys[setting, run["block"]],
            "seed": run["seed"],
            "gain": in_points(run["gain"]),
            "miou": in_points(run["miou"]),
            "run": run["run_id"],
        }


def chart(
    blocks: Sequence[Row], runs: Sequence[Row], menus: Sequence[Row], order: Sequence[str]
) -> dict[str, Any]:
    """The specification, with everything drawn on top of the baseline's line."""
    costs = {cost: known(blocks, cost) for cost in COSTS}
    colour, shape = chart_marks.look(families_of(order))
    layers = [
        chart_marks.level(),
        chart_marks.runs(colour),
        chart_marks.intervals(colour),
        chart_marks.means(chart_axes.symlog(costs), colour, shape),
        chart_marks.names(len(order)),
        *chart_axes.titles(MEASURES, COSTS),
        chart_axes.left_out(),
    ]
    return {
        "$schema": chart_marks.SCHEMA,
        "description": "Gain in mIoU of each block over the cost that it adds",
        "background": "transparent",
        "width": "container",
        "height": 380,
        "params": [*menus],
        "datasets": {"blocks": [*blocks], "runs": [*runs]},
        "layer": layers,
        "view": {"stroke": None},
    }


def known(blocks: Sequence[Row], cost: str) -> list[float]:
    return [row[cost] for row in blocks if row[cost] is not None] or [0.0]


def in_points(share: float) -> float | None:
    return rounded(100 * share)


def added(cost: float, baseline: float) -> float | None:
    return rounded(cost - baseline)


def rounded(value: float) -> float | None:
    """None if it is missing, as JSON has no NaN."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
