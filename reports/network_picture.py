"""A small picture of a network, once per placement, with the blocks where they land."""

from collections.abc import Mapping, Sequence
from math import log2
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ablations.errors import visible
from ablations.outline import Box
from reports.plots import STYLE, new_figure
from reports.write.cells import shortened

WIDTH, GAP = 1.0, 0.55  # of a box, and between boxes
SIDES = {"left": 0.0, "inside": WIDTH / 2, "right": WIDTH}
LOWEST, HIGHEST = 0.32, 0.8  # boxes of the smallest and the largest feature map, in rows
LONGEST_NAME, LETTER = 34, 0.09  # letters, and the width of one in inches
LETTERS = 9  # of small type per unit across
INK, PAPER, LINE = "#1a1a1a", "#e4e4e4", "#8c8c8c"


class Row(NamedTuple):
    """A placement and the number of its blocks by box and side, or why it does not fit."""

    placement: str
    blocks: Mapping[tuple[str, str], int]
    problem: str


def network_picture(boxes: Sequence[Box], rows: Sequence[Row]) -> Figure:
    """One network per row, from the image on the left to the masks on the right.

    The larger the feature map that leaves a part, the higher its box, by the logarithm.
    """
    across = len(boxes) * (WIDTH + GAP)
    with mpl.rc_context(STYLE):
        beside = LETTER * max(len(row_name(row)) for row in rows)
        figure, axes = new_figure(beside + 0.68 * across, 0.9 + 0.46 * len(rows))
        axes.set_axis_off()
        axes.set_xlim(-GAP, across)
        axes.set_ylim(len(rows) - 0.5, -1.6)
        label_boxes(axes, boxes)
        for height, row in enumerate(rows):
            draw_row(axes, boxes, row, height)
    return figure


def label_boxes(axes: Axes, boxes: Sequence[Box]) -> None:
    for number, box in enumerate(boxes):
        name = f"stage {box.name}" if box.name.isdigit() else box.name.replace("_", "\n")
        text = f"{name}\n{box.channels:,} ch\n{box.size[0]}x{box.size[1]}"
        middle = left_of(number) + WIDTH / 2
        axes.text(middle, -0.6, visible_lines(text), ha="center", va="bottom", fontsize=8)


def visible_lines(text: str) -> str:
    return "\n".join(map(visible, text.split("\n")))


def draw_row(axes: Axes, boxes: Sequence[Box], row: Row, height: float) -> None:
    look: Any = {"va": "center", "parse_math": False}
    colour = LINE if row.problem else INK
    axes.text(-GAP, height, row_name(row), ha="right", fontsize=9, color=colour, **look)
    if row.problem:
        room = int(LETTERS * left_of(len(boxes)))
        reason = visible(shortened(f"does not fit: {row.problem}", room))
        axes.text(0, height, reason, ha="left", fontsize=8, color=INK, **look)
    else:
        draw_network(axes, boxes, row, height)


def row_name(row: Row) -> str:
    return visible(shortened(row.placement, LONGEST_NAME))


def draw_network(axes: Axes, boxes: Sequence[Box], row: Row, height: float) -> None:
    ends = [-GAP / 2, left_of(len(boxes)) - GAP / 2]
    axes.plot(ends, [height, height], color=LINE, linewidth=1, zorder=1)
    look: Any = {"facecolor": PAPER, "edgecolor": LINE, "linewidth": 0.8, "zorder": 2}
    for number, (box, tall) in enumerate(zip(boxes, heights(boxes), strict=True)):
        left = left_of(number)
        axes.add_patch(Rectangle((left, height - tall / 2), WIDTH, tall, **look))
        for side, shift in SIDES.items():
            if count := row.blocks.get((box.name, side), 0):
                draw_blocks(axes, left + shift, height, count)


def heights(boxes: Sequence[Box]) -> list[float]:
    """The heights of boxes, where a row is 1."""
    sides = [log2(max(box.size)) for box in boxes]
    span = max(sides) - min(sides) or 1
    return [LOWEST + (HIGHEST - LOWEST) * (side - min(sides)) / span for side in sides]


def draw_blocks(axes: Axes, across: float, height: float, count: int) -> None:
    frame: Any = {"boxstyle": "round,pad=0.22", "facecolor": INK, "edgecolor": "white"}
    axes.text(
        across,
        height,
        f"{count:,}",
        color="white",
        fontsize=8,
        ha="center",
        va="center",
        bbox=frame,
        zorder=4,
    )


def left_of(number: int) -> float:
    return number * (WIDTH + GAP)
