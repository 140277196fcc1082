"""A picture of predictions: image, truth, two networks, and where they differ."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch

from ablations.errors import visible
from reports.picture_heading import add_heading, height, wrapped
from reports.predictions import (
    ONLY_FIRST,
    ONLY_SECOND,
    UNLABELLED,
    Labels,
    Legend,
    Pixels,
    Scene,
    image_miou,
    outcome,
)
from reports.write.cells import shortened

COLUMNS = ("image", "truth", "{first}", "{second}", "where they differ")
# Of both right, only the second, only the first, both wrong, void: apart in grey, too.
COLOURS = ("#dcdcdc", "#0072B2", "#E69F00", "#202020", "#ffffff")
VOID_COLOUR = (1.0, 1.0, 1.0)
TILE = 2.0  # inches
WIDTH = 5 * TILE + 0.6
TITLES, CAPTION = 0.3, 0.25  # inches above all rows, and below each
SMALL, USUAL = 8, 10  # font sizes
LONG = 26  # characters of a name
ENTRY, CHARACTER = 0.5, 0.075  # inches of the legend: a patch, and a character
MOST_PIXELS = 512  # of a side; larger images are thinned out
MOST_CLASSES = 24  # in the legend


def prediction_picture(
    heading: Sequence[str], names: tuple[str, str], scenes: Sequence[Scene], legend: Legend
) -> Figure:
    """A row for each image: itself, its truth, both predictions, and where they differ.

    heading is lines of text; names are those of the two runs.
    """
    names = (short(names[0]), short(names[1]))
    rows = [TILE * side_ratio(scene) + CAPTION for scene in scenes]
    patches = class_patches(scenes, legend)
    lines = -(-len(patches) // across(patches))
    heights = sum(rows) + TITLES, 0.2 * (lines + 2.5)
    text = wrapped(heading, WIDTH)
    figure = Figure((WIDTH, sum(heights) + height(text)), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    add_heading(figure, text)
    subfigures: Any = figure.subfigures(2, 1, height_ratios=heights)
    above, below = subfigures
    grid = above.subplots(len(scenes), len(COLUMNS), squeeze=False, height_ratios=rows)
    for axis, column in zip(grid[0], COLUMNS, strict=True):
        title = column.format(first=names[0], second=names[1])
        axis.set_title(title, fontsize=USUAL, parse_math=False)
    for axes, scene in zip(grid, scenes, strict=True):
        draw_scene(list(axes), scene, legend)
    add_legends(below, patches, names)
    return figure


def short(name: str) -> str:
    return visible(shortened(name, LONG))


def side_ratio(scene: Scene) -> float:
    rows, columns = scene.labels.shape
    return float(min(2.5, rows / columns))


def draw_scene(axes: Sequence[Axes], scene: Scene, legend: Legend) -> None:
    who = outcome(scene, legend.void)
    maps = [coloured(each, legend) for each in (scene.labels, *scene.predictions)]
    palette = np.array([to_rgb(colour) for colour in COLOURS])
    for axis, picture in zip(axes, [scene.image, *maps, palette[who]], strict=True):
        axis.imshow(thinned(picture), interpolation="none")
        axis.set(xticks=[], yticks=[])
    axes[0].set_ylabel(scene.why, fontsize=USUAL)
    scores = [
        f"mIoU {percent(image_miou(scene.labels, each, len(legend.classes), legend.void))}"
        for each in scene.predictions
    ]
    for axis, text in zip(
        axes, [short(scene.title), "", *scores, changes(who)], strict=True
    ):
        axis.set_xlabel(text, fontsize=SMALL, parse_math=False)


def changes(who: Labels) -> str:
    """The shares of labelled pixels that only the second has right, and only the first."""
    counts = np.bincount(who.ravel(), minlength=5)
    labelled = max(1, counts[:UNLABELLED].sum())
    gained, lost = (counts[one] / labelled for one in (ONLY_SECOND, ONLY_FIRST))
    return f"gained {percent(gained)}, lost {percent(lost)}"


def percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def coloured(labels: Labels, legend: Legend) -> Pixels:
    """The colour of each pixel's class; void is white."""
    table = np.full((256, 3), VOID_COLOUR)
    table[: len(legend.colours)] = legend.colours
    table[legend.void] = VOID_COLOUR
    return table[labels]


def thinned(picture: Pixels) -> Pixels:
    step = -(-max(picture.shape[:2]) // MOST_PIXELS)
    return picture[::step, ::step]


def add_legends(
    figure: SubFigure, classes: Sequence[Patch], names: tuple[str, str]
) -> None:
    """Who is right where, and below it the classes that the rows show."""
    texts = (
        "both right",
        f"gained: only {names[1]} right",
        f"lost: only {names[0]} right",
        "both wrong",
    )
    right = [
        Patch(facecolor=colour, edgecolor="#777777", label=text)
        for colour, text in zip(COLOURS, texts, strict=False)
    ]
    look: Any = {"frameon": False, "fontsize": SMALL, "handlelength": 1.2}
    figure.legend(handles=right, loc="upper center", ncols=len(right), **look)
    figure.legend(handles=classes, loc="lower center", ncols=across(classes), **look)


def across(classes: Sequence[Patch]) -> int:
    """How many classes fit in a line of the legend, at most six."""
    longest = max(len(str(patch.get_label())) for patch in classes)
    fitting = int(WIDTH / (ENTRY + CHARACTER * longest))
    return max(1, min(6, fitting, len(classes)))


def class_patches(scenes: Sequence[Scene], legend: Legend) -> list[Patch]:
    """The classes in truth and predictions, the largest first, and void if there is any."""
    labels = [
        each.ravel() for scene in scenes for each in (scene.labels, *scene.predictions)
    ]
    counts = np.bincount(np.concatenate(labels), minlength=256)
    numbers = [int(n) for n in np.argsort(-counts, kind="stable") if counts[n]]
    known = [number for number in numbers if number < len(legend.classes)]
    patches = [
        Patch(facecolor=legend.colours[number], label=short(legend.classes[number]))
        for number in known[:MOST_CLASSES]
    ]
    if len(known) > MOST_CLASSES:
        rest = f"and {len(known) - MOST_CLASSES} more"
        patches.append(Patch(facecolor="none", label=rest))
    if counts[legend.void]:
        patches.append(Patch(facecolor=VOID_COLOUR, edgecolor="#777777", label="void"))
    return patches
