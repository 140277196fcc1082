"""What the blocks of a network attend to in one image: a row for each place.

Maps lie over the image, in viridis, which grey prints keep in order; every range is that of
the values themselves and is stated.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ablations.attention_values import CHANNEL, Attention
from ablations.errors import visible
from reports.picture_heading import add_heading, height, wrapped
from reports.write.cells import shortened

PANEL = 2.3  # inches, the width of a panel
MOST_PANELS = 5  # of a place, besides the image
SMALL = 8  # font size
LONG = 32  # characters of a name
OPACITY = 0.8  # of a map over the grey image
NEUTRAL = 0.5  # sigmoid(0)
DIGITS = 9  # significant ones of a float32

Pixels = NDArray[Any]  # (H, W, 3), in [0, 1]


class PlaceAttention(NamedTuple):
    """A place, and what its block computes for the image."""

    number: int
    path: str
    shape: tuple[int, int, int]  # channels, height, width
    parts: Sequence[Attention]


def attention_picture(
    heading: Sequence[str], image: Pixels, places: Sequence[PlaceAttention]
) -> Figure:
    """A row for each place: the image, then what its block computes, in that order."""
    shown = [place._replace(parts=most_telling(place.parts)) for place in places]
    columns = 1 + max(len(place.parts) for place in shown)
    tall = PANEL * min(2.0, max(0.6, image.shape[0] / image.shape[1])) + 0.55
    width = PANEL * 1.12 * columns
    text = wrapped(heading, width)
    size = width, tall * len(shown) + height(text)
    figure = Figure(size, dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    add_heading(figure, text)
    grid = figure.subplots(len(shown), columns, squeeze=False)
    for axes, place in zip(grid, shown, strict=True):
        draw_place(list(axes), image, place)
    return figure


def most_telling(parts: Sequence[Attention]) -> list[Attention]:
    """The first parts and the effect, which is the last."""
    return (
        list(parts) if len(parts) <= MOST_PANELS else [*parts[: MOST_PANELS - 1], parts[-1]]
    )


def draw_place(axes: Sequence[Axes], image: Pixels, place: PlaceAttention) -> None:
    channels, rows, columns = place.shape
    path = visible(shortened(place.path, LONG))
    size = f"place {place.number}: {channels} channels, {rows}x{columns}"
    axes[0].imshow(image, interpolation="none")
    axes[0].set_title(f"{size}\n{path}", fontsize=SMALL, parse_math=False)
    axes[0].set(xticks=[], yticks=[])
    for axis in axes[1 + len(place.parts) :]:
        axis.set_axis_off()
    for axis, part in zip(axes[1:], place.parts, strict=False):
        axis.set_title(f"{part.what}\n{span(part)}", fontsize=SMALL, parse_math=False)
        if part.over == "positions":
            draw_map(axis, image, part)
        else:
            draw_channels(axis, part)


def draw_map(axis: Axes, image: Pixels, part: Attention) -> None:
    rows, columns = image.shape[:2]
    grey = 0.3 + 0.4 * image.mean(axis=2)  # so faint that it hardly changes colours
    axis.imshow(grey, cmap="gray", vmin=0, vmax=1, interpolation="none")
    values = np.ma.masked_invalid(part.values.numpy())
    drawn = axis.imshow(
        values,
        cmap="viridis",
        alpha=OPACITY,
        extent=(-0.5, columns - 0.5, rows - 0.5, -0.5),
        interpolation="none",
    )
    axis.set(xticks=[], yticks=[])
    figure = axis.get_figure(root=True)
    assert figure is not None  # noqa: S101, axes that are drawn have one
    bar = figure.colorbar(drawn, ax=axis, fraction=0.05, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL - 1)
    bar.ax.yaxis.get_offset_text().set_fontsize(SMALL - 1)


def draw_channels(axis: Axes, part: Attention) -> None:
    """Each channel's weight, the largest first."""
    values = np.sort(part.values.numpy())[::-1]
    axis.fill_between(np.arange(len(values) + 1), [*values, values[-1]], step="post")
    if part.what == CHANNEL:
        axis.axhline(NEUTRAL, color="#999999", linestyle="--", linewidth=0.8)
    axis.set_xlim(0, len(values))
    axis.set_ylim(bottom=0)
    axis.set_xlabel(f"{len(values)} channels, sorted", fontsize=SMALL)
    axis.tick_params(labelsize=SMALL - 1)


def bound(high: float) -> str:
    """1 for a sigmoid's value that is nearly 1, so that it is not rounded to it."""
    return "1" if high < 1 else ""


def span(part: Attention) -> str:
    """The range of the values, with as many digits as tell its ends apart."""
    values = part.values[part.values.isfinite()]
    if not len(values):
        return "nowhere defined"
    low, high = values.min().item(), values.max().item()
    if low == high:
        return f"{low:.4g} everywhere"
    digits = 3
    while digits < DIGITS and f"{high:.{digits}g}" in (f"{low:.{digits}g}", bound(high)):
        digits += 1
    return f"{low:.{digits}g} to {high:.{digits}g}"
