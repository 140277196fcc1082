"""Names beside points and lines: no two overlap, and none is left out."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox, Transform
from scipy.optimize import isotonic_regression

from ablations.errors import visible
from reports.units import label

Point = tuple[float, float]
LONG = 34  # characters of a name
SIZE = 9  # font size of names beside points
CLOSE = 12.0  # a name this many points away or nearer needs no leader line
LEADER = {"arrowstyle": "-", "color": "#999999", "linewidth": 0.6}
LINE = 1.3  # line height, relative to the font size

BACK = {"facecolor": "white", "edgecolor": "none", "pad": 0.3, "alpha": 0.8}


class End(NamedTuple):
    """Where the leader line of a name in the margin starts, and its look."""

    place: Point
    transform: Transform
    look: dict[str, Any]


def name(block: str) -> str:
    """A block's name in a picture, as long as fits there."""
    return visible(without_middle(label(block)))


def without_middle(text: str, limit: int = LONG) -> str:
    """Both ends of a long text; names of a user's blocks often differ in one only."""
    head = limit // 3
    tail = limit - head - 3
    return text if len(text) <= limit else f"{text[:head]}...{text[-tail:]}"


def place_labels(
    axes: Axes,
    places: Mapping[str, Point],
    bars: Mapping[str, Point],
    transforms: Mapping[str, Transform],
    level: float | None = None,
    steps: Sequence[Point] = (),
) -> None:
    """Write each block's name where it does not cover a point, a bar or another name.

    level is the height of a line across the axes, steps are the corners of a line of
    horizontal and vertical pieces; names cover neither. Names without room go to the
    margin; this makes the axes narrower, so the other names are placed again.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101, axes that are drawn have one
    margin: set[str] = set()
    while True:
        looks = {block: End(places[block], transforms[block], LEADER) for block in margin}
        margin_names = in_margin(axes, looks, SIZE)
        figure.draw_without_rendering()  # axes and texts have positions only after this
        room = Room(axes, places, bars, transforms)
        room.obstacles += [*across(axes, level), *pieces(axes, steps)]
        inside = sorted(places.keys() - margin, key=lambda block: -places[block][1])
        names = {block: room.write(block) for block in inside}
        without = {block for block, artists in names.items() if not artists}
        if not without:
            return
        margin |= without
        for artist in [*margin_names, *itertools.chain(*names.values())]:
            artist.remove()


class Room:
    """The occupied parts of the axes, in pixels; places names near their points."""

    def __init__(
        self,
        axes: Axes,
        places: Mapping[str, Point],
        bars: Mapping[str, Point],
        transforms: Mapping[str, Transform],
    ) -> None:
        self.axes, self.places, self.transforms = axes, places, transforms
        self.dpi = axes.figure.dpi
        self.starts: dict[str, Point] = {}  # in pixels
        self.dots: dict[str, Bbox] = {}
        self.bars: dict[str, Bbox] = {}
        for block, (across, mean) in places.items():
            heights = (bars[block][0], mean, bars[block][1])
            low, middle, high = [transforms[block].transform((across, h)) for h in heights]
            self.starts[block] = (float(middle[0]), float(middle[1]))
            self.dots[block] = Bbox.from_extents(*(middle - 9), *(middle + 9))
            bar = low[0] - 6, low[1], high[0] + 6, high[1]
            self.bars[block] = Bbox.from_extents(*bar)
        self.obstacles = [*self.bars.values(), *self.dots.values()]

    def write(self, block: str) -> list[Annotation]:
        """The name and its leader line; an empty list if there is no room."""
        text = self.axes.annotate(
            name(block),
            self.places[block],
            xycoords=self.transforms[block],
            xytext=(0, 0),
            textcoords="offset points",
            va="center",
            fontsize=SIZE,
            parse_math=False,
            zorder=5,
            bbox=BACK,
        )
        ends, size = self.ends(block), text.get_window_extent().size
        for right, up in [*offsets(NEAR), *ends, *offsets(FAR)]:
            box = self.box(block, size, (right, up)).expanded(1.02, 1.05)
            if self.is_free(block, box):
                text.set_position((right, up))
                text.set_horizontalalignment(alignment(right))
                self.obstacles.append(box)
                away = 0.0 if (right, up) in ends else float(np.hypot(right, up))
                return [text, *self.leader(block, box, away)]
        text.remove()
        return []

    def box(self, block: str, size: Point, offset: Point) -> Bbox:
        """The place of a name of that size, in pixels, at an offset in points."""
        (width, height), share = size, {"left": 0.0, "center": 0.5, "right": 1.0}
        middle = np.add(self.starts[block], np.multiply(offset, self.dpi / 72))
        left = middle[0] - share[alignment(offset[0])] * width
        return Bbox.from_bounds(left, middle[1] - height / 2, width, height)

    def ends(self, block: str) -> list[Point]:
        """Offsets just below and above the block's bar, in points from its dot."""
        bar, height, points = self.bars[block], self.starts[block][1], 72 / self.dpi
        gap = 0.75 * SIZE
        return [
            (0, points * (bar.y0 - height) - gap),
            (0, points * (bar.y1 - height) + gap),
        ]

    def is_free(self, block: str, box: Bbox) -> bool:
        """Whether a name fits there, with no other dot nearer to it or in between."""
        x, y = box.x0, box.y0
        inside = self.axes.bbox.contains(x, y) and self.axes.bbox.contains(box.x1, box.y1)
        if not inside or box.count_overlaps(self.obstacles):
            return False
        way = Path([self.starts[block], nearest(box, self.starts[block])])
        others = [dot for other, dot in self.dots.items() if other != block]
        away = {other: distance(box, start) for other, start in self.starts.items()}
        nearer = any(far < away[block] - 1 for far in away.values())
        return not nearer and not any(way.intersects_bbox(dot) for dot in others)

    def leader(self, block: str, box: Bbox, distance: float) -> list[Annotation]:
        """A line to a name that could be taken for another point's."""
        if distance <= CLOSE:
            return []
        way = np.subtract(nearest(box, self.starts[block]), self.starts[block])
        line = self.axes.annotate(
            "",
            self.places[block],
            xycoords=self.transforms[block],
            xytext=tuple(72 / self.dpi * way),
            textcoords="offset points",
            arrowprops=LEADER | {"shrinkA": 1, "shrinkB": 4},
        )
        return [line]


def across(axes: Axes, level: float | None) -> list[Bbox]:
    """A horizontal line through the axes, in pixels."""
    if level is None:
        return []
    height = axes.transData.transform((0, level))[1]
    return [Bbox.from_extents(axes.bbox.x0, height - 2, axes.bbox.x1, height + 2)]


def pieces(axes: Axes, steps: Sequence[Point]) -> list[Bbox]:
    """The pieces of a line between corners, in pixels."""
    corners = axes.transData.transform(steps) if steps else np.empty((0, 2))
    return [
        Bbox([np.minimum(one, other) - 2, np.maximum(one, other) + 2])
        for one, other in itertools.pairwise(corners)
    ]


def alignment(right: float) -> Literal["left", "center", "right"]:
    """Of a name at that offset from its point."""
    return "left" if right > 0 else "right" if right < 0 else "center"


def distance(box: Bbox, point: Point) -> float:
    return float(np.hypot(*np.subtract(nearest(box, point), point)))


def nearest(box: Bbox, point: Point) -> Point:
    x, y = np.clip(point, box.min, box.max)
    return float(x), float(y)


NEAR, FAR = (9, 14, 20), (28, 40, 54)  # points


def offsets(distances: Sequence[float]) -> Iterator[Point]:
    """Candidate positions of a label, in points from its dot."""
    sides = [
        (1, 0),
        (1, 0.8),
        (1, -0.8),
        (-1, 0),
        (-1, 0.8),
        (-1, -0.8),
        (0, 1.3),
        (0, -1.3),
    ]
    for distance in distances:
        for right, up in sides:
            yield distance * right, distance * up


def in_margin(axes: Axes, ends: Mapping[str, End], size: float) -> list[Annotation]:
    """Write names to the right of the axes, ordered by the heights of their points."""
    ordered = sorted(ends, key=lambda block: (ends[block].place[1], block))
    heights = [
        end.transform.transform(end.place)[1] for end in [ends[block] for block in ordered]
    ]
    assert axes.figure is not None  # noqa: S101, axes that are drawn have one
    gap = LINE * size / 72 * axes.figure.dpi
    places = spread_out(heights, gap, axes.bbox.y0, axes.bbox.y1)
    return [
        axes.annotate(
            name(block),
            ends[block].place,
            xycoords=ends[block].transform,
            xytext=(1.05, (height - axes.bbox.y0) / axes.bbox.height),
            textcoords="axes fraction",
            va="center",
            fontsize=size,
            parse_math=False,
            zorder=1.5,
            arrowprops={"arrowstyle": "-", "shrinkA": 1, "shrinkB": 2, "relpos": (0, 0.5)}
            | ends[block].look,
        )
        for block, height in zip(ordered, places, strict=True)
    ]


def spread_out(
    heights: Sequence[float], gap: float, low: float, high: float
) -> list[float]:
    """Ascending heights, moved as little as possible to be at least a gap apart."""
    if not heights:
        return []
    steps = gap * np.arange(len(heights))
    moved = isotonic_regression(np.asarray(heights) - steps).x
    return list(np.clip(moved, low, max(low, high - steps[-1])) + steps)
