"""Pictures name every block beside its own point, and equal data give equal files."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Transform
from pandas import DataFrame

from ablations.complexity.polynomial import Polynomial
from reports import plots
from reports.plots.labels import name, spread_out
from reports.plots.looks import line_looks
from reports.plots.pareto import front, staircase
from reports.plots.style import FAMILIES
from tests.plotted import FORTY, box_of, compared, drawn_at_random, names, overlaps


def marks(axes: Axes) -> np.ndarray:
    """The large marks of a scatter plot, in pixels."""
    groups = [group for group in axes.collections if isinstance(group, PathCollection)]
    large = [group for group in groups if group.get_sizes()[0] == 48]
    return np.array(
        [group.get_offset_transform().transform(group.get_offsets())[0] for group in large]
    )


@pytest.mark.parametrize("number", [2, 9, 20, 40])
def test_every_block_is_named_beside_its_own_point(number: int) -> None:
    blocks = FORTY[:number]
    figure = plots.against_cost(drawn_at_random(blocks), "macs")
    texts = names(figure)
    [axes] = figure.axes
    assert sorted(texts) == sorted(map(name, blocks))
    assert overlaps(texts.values()) == []
    centres = marks(axes)
    assert len(centres) == number
    for text in texts.values():
        box = box_of(text)
        own = pixels(text)
        away = [distance(box, centre) for centre in centres]
        if box.x0 < axes.bbox.x1:  # not in the margin, to where a line leads
            assert min(away) >= distance(box, own) - 2  # pixels
        else:
            assert text.arrow_patch is not None


def pixels(text: Annotation) -> np.ndarray:
    """The point that a name belongs to."""
    assert isinstance(text.xycoords, Transform)
    return np.asarray(text.xycoords.transform(text.xy))


def distance(box: object, point: np.ndarray) -> float:
    """From the nearest edge of a box."""
    x0, y0, x1, y1 = box.extents  # type: ignore[attr-defined]
    right, up = max(x0 - point[0], 0, point[0] - x1), max(y0 - point[1], 0, point[1] - y1)
    return float(np.hypot(right, up))


def test_blocks_that_are_equal_in_all_are_named_too() -> None:
    figure = plots.against_cost(compared({block: [0.4] for block in FORTY[:9]}), "macs")
    assert len(names(figure)) == 9
    assert overlaps(names(figure).values()) == []
    assert len({tuple(place) for place in marks(figure.axes[0]).round()}) == 9


def test_a_block_without_a_cost_is_named_below_the_axis() -> None:
    mious = {"none": [0.4, 0.5], "se": [0.5, 0.5], "gc": [0.3, 0.6]}
    comparison = compared(mious, {"se": None, "gc": 5})
    figure = plots.against_cost(comparison, "macs")
    label = figure.axes[0].get_xlabel()
    assert label.endswith("\nCost unknown, so not drawn: SE (aten::odd)")
    assert set(names(figure)) == {"Baseline", "GC"}
    latency = plots.against_cost(comparison, "latency", {"none": 0.020, "se": 0.025})
    label = latency.axes[0].get_xlabel()
    assert label.startswith("Milliseconds for one image added to the baseline's 20\n")
    assert label.endswith("not drawn: GC")
    [place] = [text.xy for text in names(latency).values() if text.get_text() == "SE"]
    assert place == pytest.approx((5, 50))  # ms, percent
    with pytest.raises(ValueError, match="the baseline's latency are unknown"):
        plots.against_cost(comparison, "latency", {"se": 0.02})


def test_the_baselines_name_is_not_struck_through() -> None:
    for number in (2, 9):
        figure = plots.against_cost(drawn_at_random(FORTY[:number]), "macs")
        box, [axes] = box_of(names(figure)["Baseline"]), figure.axes
        level = float(np.asarray(axes.lines[0].get_ydata())[0])
        height = axes.transData.transform((0, level))[1]
        assert not box.y0 < height < box.y1 or box.x0 > axes.bbox.x1


def test_a_name_without_room_beside_its_point_stands_at_its_own_bar() -> None:
    """Beyond its neighbours' bars it would seem to belong to them."""
    places = {  # added MACs, mean, half the distance of two seeds
        "none": (0, 0.395, 0.0106),
        "gc": (34, 0.3985, 0.0212),
        "cbam": (38, 0.3925, 0.0049),
        "note_channel": (62, 0.3855, 0.0152),
        "psa_sequential": (98, 0.3993, 0.0177),
    }
    mious = {block: (mean - half, mean + half) for block, (_, mean, half) in places.items()}
    macs = {block: macs for block, (macs, _, _) in places.items()}
    figure = plots.against_cost(compared(mious, macs), "macs")
    [axes], box = figure.axes, box_of(names(figure)["Note (channel)"])
    x, low = axes.transData.transform((62e-6, 100 * (0.3855 - 2**0.5 * 0.0152)))
    assert box.x0 < x < box.x1
    assert low - 40 < box.y1 <= low


def test_the_front_holds_what_no_other_block_beats() -> None:
    draw = np.random.default_rng(0)
    for _ in range(50):
        places = {str(n): tuple(draw.integers(0, 6, 2).tolist()) for n in range(7)}
        expected = {
            one
            for one, (cost, value) in places.items()
            if not any(
                other != (cost, value) and other[0] <= cost and other[1] >= value
                for other in places.values()
            )
        }
        found = front(places)
        assert set(found) == expected
        assert [places[one][0] for one in found] == sorted(places[one][0] for one in found)


def test_the_front_is_drawn_as_the_best_for_each_cost() -> None:
    assert staircase([(0, 1), (2, 3), (5, 4)]) == [(0, 1), (2, 1), (2, 3), (5, 3), (5, 4)]
    mious = {"none": [0.4], "se": [0.5], "gc": [0.45], "cbam": [0.6]}
    macs = {"none": 0, "se": 10_000_000, "gc": 20_000_000, "cbam": 30_000_000}
    [axes] = plots.against_cost(compared(mious, macs), "macs").axes
    corners = [(0, 40), (10, 40), (10, 50), (30, 50), (30, 60)]
    line = np.asarray(axes.lines[1].get_xydata())
    assert line == pytest.approx(np.array(corners))


def test_a_block_that_adds_nothing_is_not_on_logarithmic_axes() -> None:
    columns = ("added_params", "added_direct", "added_fast")
    numbers = {"none": (0, 0, 0), "se": (5, 7, 7), "simam": (0, 0, 0), "gc": (9, 8, 6)}
    rows = [
        {"block": block, **dict(zip(columns, row, strict=True))}
        for block, row in numbers.items()
    ]
    assert {"SE", "GC"} == names(plots.added_cost(DataFrame(rows))).keys()


def test_growth_is_drawn_in_macs_by_side_and_names_what_is_free() -> None:
    growth = {
        "non_local": Polynomial(Fraction(3), Fraction(5), Fraction(7)),
        "se": Polynomial(Fraction(11)),
        "simam": Polynomial(),
    }
    figure = plots.cost_growth(growth, "MACs", [16, 64])
    [axes] = figure.axes
    lines = [list(map(float, np.asarray(line.get_ydata()))) for line in axes.lines]
    squares = 16**2, 64**2
    assert sorted(lines) == [[11, 11], [3 + 5 * n + 7 * n**2 for n in squares]]
    assert names(figure).keys() == {"SE", "NL"}
    assert axes.get_xlabel().endswith("Without MACs, so not drawn: SimAM")


def test_families_differ_in_grey_and_no_two_of_182_lines_look_alike() -> None:
    assert len({family.marker for family in FAMILIES.values()}) == len(FAMILIES)
    looks = [str(look) for look in line_looks([str(number) for number in range(182)])]
    assert len(set(looks)) == 182
    shapes = [{**look, "color": ""} for look in line_looks(list(map(str, range(13))))]
    assert len({str(shape) for shape in shapes}) == 13


def test_both_ends_of_a_long_name_are_shown() -> None:
    blocks = [f"my_package.my_attention_file:Block(ratio={ratio})" for ratio in (8, 16)]
    assert [name(block) for block in blocks] == [
        "my_package...._file:Block(ratio=8)",
        "my_package....file:Block(ratio=16)",
    ]


def test_names_move_as_little_as_they_must() -> None:
    assert spread_out([10, 50, 52], 10, 0, 100) == pytest.approx([10, 46, 56])
    assert spread_out([99, 99], 10, 0, 100) == pytest.approx([90, 100])
    assert spread_out([], 10, 0, 100) == []


def test_equal_data_give_equal_files(tmp_path: Path) -> None:
    comparison = drawn_at_random(FORTY[:5])
    for folder in ("one", "two"):
        figure: Figure = plots.against_cost(comparison, "macs")
        paths = plots.save(figure, tmp_path / folder, "cost")
        assert [path.suffix for path in paths] == [".svg", ".png", ".pdf"]
    for ending in ("svg", "png", "pdf"):
        one, two = (tmp_path / folder / f"cost.{ending}" for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    assert b"CreationDate" not in one.read_bytes()
