"""Gains by block, by step and by setting are drawn as they are, and can be read."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from pandas import DataFrame

from ablations.attention import BLOCKS
from reports import plots
from reports.plots.looks import setting_names
from tests.plotted import FORTY, compared, drawn_at_random, names, overlaps

T_OF_3_SEEDS = 4.302653  # the 97.5 % quantile of Student's t with two degrees of freedom


def ticks(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_a_forest_shows_each_gain_with_its_interval_and_its_seeds() -> None:
    mious = {
        "none": [0.40, 0.42, 0.41],
        "gc": [0.43, 0.44, 0.40],
        "matched_params(se)": [0.40, 0.41, 0.41],
        "se": [0.41, 0.42, 0.43],
    }
    [axes] = plots.forest([compared(mious)]).axes
    assert ticks(axes) == ["SE", "Same params as SE", "GC"]  # a control follows its block
    gains = [3, 2, -1]  # of GC, in points
    mean = sum(gains) / 3
    half = T_OF_3_SEEDS * (sum((g - mean) ** 2 for g in gains) / 2) ** 0.5 / 3**0.5
    [bar] = [line for line in axes.lines if np.asarray(line.get_ydata()).tolist() == [2, 2]]
    assert bar.get_xdata() == pytest.approx([mean - half, mean + half])
    text = axes.texts[2].get_text().replace("\N{MINUS SIGN}", "-")
    assert text == f"+1.33  ({mean - half:+.2f} to {mean + half:+.2f}; 3 seeds)"
    dots = [group for group in axes.collections if isinstance(group, PathCollection)]
    offsets = [np.asarray(group.get_offsets()) for group in dots]
    places = [place for place in offsets if len(place) == 3]
    assert sorted(places[2][:, 0]) == pytest.approx(sorted(gains))
    assert places[2][:, 1].min() > 2  # beside the bar, to be seen


def test_a_forest_of_one_seed_has_no_intervals() -> None:
    [axes] = plots.forest([compared({"none": [0.4], "se": [0.4]})]).axes
    assert [text.get_text() for text in axes.texts] == ["+0.00  (1 seed)"]
    assert len(axes.lines) == 1  # that of zero
    with pytest.raises(ValueError, match="no block besides the baseline"):
        plots.forest([compared({"none": [0.4]})])


def test_a_forest_of_several_settings_has_a_line_for_each() -> None:
    mious = {"none": [0.4, 0.4], "se": [0.41, 0.42]}
    settings = [
        compared(mious, placement="decoder"),
        compared(mious | {"gc": [0.3, 0.3]}, placement="residual"),
    ]
    figure = plots.forest(settings)
    [axes] = figure.axes
    assert ticks(axes) == ["SE", "GC"]
    assert list(axes.get_yticks()) == [0.5, 2]  # SE has two lines, GC one
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["decoder", "residual"]
    figure.canvas.draw()
    assert overlaps([*axes.get_yticklabels(), *axes.texts]) == []


def test_settings_are_named_by_what_they_differ_in() -> None:
    mious = {"none": [0.4]}
    changes = ({"lr": 0.01}, {"lr": 0.02}, {"lr": 0.02, "placement": "decoder"})
    assert setting_names([compared(mious, **change) for change in changes]) == [
        "residual, lr 0.01",
        "residual, lr 0.02",
        "decoder, lr 0.02",
    ]


def curve_table(blocks: list[str], spread: float) -> DataFrame:
    """Gains that rise or fall with the steps 60 and 120, by up to the spread."""
    draw = np.random.default_rng(0)
    return DataFrame(
        [
            {"block": block, "step": step, "miou": 0.4 + gain, "low": 0.3, "high": 0.5}
            | {"gain": gain, "gain_low": gain - 0.01, "gain_high": gain + 0.01, "seeds": 3}
            for block in blocks
            for step, gain in ((60, 0.0), (120, spread * draw.uniform(-1, 1)))
        ]
    )


@pytest.mark.parametrize("spread", [0.0, 0.2])
def test_a_few_curves_are_named_where_they_end(spread: float) -> None:
    blocks = list(BLOCKS)[:5]
    figure = plots.learning_curves(curve_table(blocks, spread))
    left, right = figure.axes
    texts = names(figure, right)
    assert len(texts) == len(blocks)
    assert overlaps(texts.values()) == []
    ends = {tuple(np.asarray(line.get_xydata())[-1]) for line in right.lines}
    assert {text.xy for text in texts.values()} == ends  # where the leader lines start
    heights = sorted(texts.values(), key=lambda text: text.xy[1])
    assert heights == sorted(heights, key=lambda text: text.get_position()[1])
    assert len(left.lines) == len(blocks)


@pytest.mark.parametrize("number", [9, 20])
def test_each_of_many_curves_has_a_panel(number: int) -> None:
    table = curve_table(FORTY[:number], 0.1)
    figure = plots.learning_curves(table)
    figure.canvas.draw()
    titles = [axes.title if axes.get_title() else axes._left_title for axes in figure.axes]  # type: ignore[attr-defined]
    assert len({title.get_text() for title in titles}) == number
    assert overlaps(titles) == []
    last = table[table["block"] == FORTY[number - 1]]
    drawn = figure.axes[-1].lines[1].get_ydata()
    assert drawn == pytest.approx(100 * last["gain"].to_numpy())
    heights = {axes.get_ylim() for axes in figure.axes[1:]}
    assert len(heights) == 1  # so that panels can be compared


def test_curves_of_recorded_runs_are_drawn_with_the_seeds_of_a_band() -> None:
    figure = plots.learning_curves(drawn_at_random(FORTY[:3], seeds=4).curves)
    assert "the highest of up to 4 seeds" in figure.get_supxlabel()


def contrast(one: str, other: tuple[float, ...]) -> float:
    """WCAG 2.2's contrast ratio."""
    light = []
    for colour in (to_rgb(one), other[:3]):
        red, green, blue = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour
        )
        light.append(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize("metric", ["gain", "miou"])
def test_every_number_of_a_heat_map_can_be_read_on_its_colour(metric: str) -> None:
    values = DataFrame([np.linspace(-0.03, 0.05, 41)], index=["se"])
    [axes] = plots.heat_map(values, metric).axes
    [image] = axes.images
    colours = image.to_rgba(np.asarray(image.get_array()))[0]
    for text, colour in zip(axes.texts, colours, strict=True):
        assert contrast(str(text.get_color()), tuple(colour)) >= 4.5


def test_a_heat_map_shows_gains_by_setting_and_hatches_what_is_missing() -> None:
    mious = {"none": [0.4, 0.4], "se": [0.41, 0.42]}
    settings = [
        compared(mious, placement="residual"),
        compared(mious | {"gc": [0.38, 0.38]}, placement="decoder"),
    ]
    table = plots.gain_table(settings)
    assert list(table.index) == ["se", "gc"]
    assert list(table.columns) == ["residual", "decoder"]
    figure = plots.heat_map(table)
    [axes] = figure.axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "+1.50", (1, 0): "+1.50", (1, 1): "-2.00"}
    assert axes.patches[0].get_hatch()  # seen where there is no cell
    assert "hatched: no value" in figure.get_supxlabel()
    [image] = axes.images
    cells_without = np.ma.getmaskarray(np.ma.asarray(image.get_array()))
    assert cells_without.tolist() == [[False, False], [True, False]]
    assert image.get_clim() == pytest.approx((-0.02, 0.02))  # white is zero


@pytest.mark.parametrize("rows", [1, 20])
def test_no_name_of_a_heat_map_is_on_another(rows: int) -> None:
    columns = [f"my_placement_of_some_length@{number}" for number in range(5)]
    values = DataFrame(np.zeros((rows, 5)), index=FORTY[1 : rows + 1], columns=columns)
    figure = plots.heat_map(values)
    figure.canvas.draw()
    [axes] = figure.axes
    assert overlaps([*axes.get_yticklabels(), *axes.texts]) == []
    assert all(inside(label, figure) for label in axes.get_yticklabels())
    assert all(inside(label, figure) for label in axes.get_xticklabels())


def inside(text: Text, figure: Figure) -> bool:
    box, page = text.get_window_extent(), figure.bbox
    return bool(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1)
