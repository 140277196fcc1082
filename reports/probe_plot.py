"""Every run of a probe as a point: a strip for each block."""

from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablations.records import RunRecord
from reports.plots import FAMILIES, STYLE, family, new_figure
from reports.plots.labels import name
from reports.probe_tables import SOLVED, is_solved, runs_by_block, seeds

SPREAD = 0.6  # of the height of a strip


def strips(records: list[RunRecord]) -> Figure:
    """The information of each run, one strip per block, seeds from top to bottom.

    A run that solved the probe is filled, another one is open, so the two can be told
    apart in grey.
    """
    runs = runs_by_block(records)
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(8, 0.36 * len(runs) + 1.6)
        axes.axvline(SOLVED, color="#777777", linestyle="--", linewidth=1, zorder=1)
        for row, block in enumerate(runs):
            draw_strip(axes, row, block, runs[block], seeds(records))
        axes.set_yticks(range(len(runs)), [name(block) for block in runs], parse_math=False)
        axes.set_ylim(len(runs) - 0.5, -0.5)
        least = min(record.information or 0 for record in records)
        axes.set_xlim(min(-0.05, least - 0.05), 1.05)
        axes.set_xlabel("Information carried: 2 x accuracy of the state - 1")
        axes.legend(
            handles=[
                marker("#555555", f"solved: at least {SOLVED}"),
                marker("none", "not"),
            ],
            frameon=False,
            ncols=2,
            loc="lower left",
            bbox_to_anchor=(0, 1),
        )
    return figure


def draw_strip(
    axes: Axes, row: int, block: str, runs: list[RunRecord], numbers: list[int]
) -> None:
    """The same seed is at the same height in every strip."""
    colour = FAMILIES[family(block)][1]
    for record in runs:
        place = (numbers.index(record.config.seed) + 0.5) / len(numbers) - 0.5
        look: Any = {"facecolor": colour if is_solved(record) else "none"}
        height = row + SPREAD * place
        axes.scatter([record.information or 0.0], [height], s=22, edgecolor=colour, **look)


def marker(filling: str, text: str) -> Line2D:
    look: Any = {"markerfacecolor": filling, "markeredgecolor": "#555555"}
    return Line2D([], [], marker="o", linestyle="", label=text, **look)
