"""Pictures name every block, no two names overlap, and equal data give equal files."""

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from pandas import DataFrame

from ablations.attention import BLOCKS
from reports import plots
from reports.plots.cost import miou_against_macs
from reports.plots.curves import learning_curves, line_looks
from reports.plots.labels import spread_out

OWN = [f"my_file:$$_{number}" for number in range(8)]


def curves(blocks: list[str], spread: float) -> DataFrame:
    draw = random.Random(0)
    return DataFrame(
        [
            {"block": block, "step": step, "miou": 0.4 + spread * draw.random()}
            for block in blocks
            for step in (60, 120)
        ]
    )


def scatter(blocks: list[str], macs: float) -> Figure:
    """Five seeds of each block, which all add about the same."""
    draw = random.Random(0)
    runs = DataFrame(
        [{"block": b, "miou": draw.uniform(0.38, 0.42)} for b in blocks for _ in range(5)]
    )
    groups = runs.groupby("block")["miou"]
    table = DataFrame({"miou": groups.mean(), "miou_std": groups.std(), "seeds": 5})
    added = [0.0 if b == "none" else macs * draw.choice([1, 2, 40]) for b in table.index]
    table = table.assign(macs=[1e7 + macs for macs in added]).reset_index()
    return miou_against_macs(table, runs)


def names(figure: Figure) -> list[Annotation]:
    figure.canvas.draw()
    [axes] = figure.axes
    texts = [text for text in axes.texts if isinstance(text, Annotation)]
    return [text for text in texts if text.get_text()]


def overlaps(texts: list[Annotation]) -> list[tuple[str, str]]:
    boxes: dict[str, Any] = {}
    for text in texts:  # without their arrows
        boxes[text.get_text()] = Text.get_window_extent(text)
    return [
        (one, two)
        for one, two in itertools.combinations(boxes, 2)
        if boxes[one].overlaps(boxes[two])
    ]


@pytest.mark.parametrize("blocks", [list(BLOCKS)[:9], list(BLOCKS), [*BLOCKS, *OWN]])
@pytest.mark.parametrize("spread", [0.0, 0.001, 0.2])
def test_every_curve_has_a_name_of_its_own_place(blocks: list[str], spread: float) -> None:
    texts = names(learning_curves(curves(blocks, spread)))
    assert len(texts) == len(blocks)
    assert overlaps(texts) == []


@pytest.mark.parametrize("blocks", [list(BLOCKS)[:9], list(BLOCKS), [*BLOCKS, *OWN]])
@pytest.mark.parametrize("macs", [0.0, 1e3])
def test_every_point_has_a_name_of_its_own_place(blocks: list[str], macs: float) -> None:
    texts = names(scatter(blocks, macs))
    assert len(texts) == len(blocks)
    assert overlaps(texts) == []


def test_the_baselines_name_is_not_struck_through() -> None:
    figure = scatter(list(BLOCKS)[:5], 1e3)
    [axes] = figure.axes
    [text] = [text for text in names(figure) if text.get_text() == "Baseline"]
    level = float(np.asarray(axes.lines[0].get_ydata())[0])
    height = axes.transData.transform((0, level))[1]
    box = text.get_window_extent()
    assert not box.y0 < height < box.y1


def test_no_two_of_182_lines_look_alike() -> None:
    looks = [str(look) for look in line_looks([str(number) for number in range(182)])]
    assert len(set(looks)) == 182


def test_names_move_as_little_as_they_must() -> None:
    assert spread_out([10, 50, 52], 10, 0, 100) == pytest.approx([10, 46, 56])
    assert spread_out([99, 99], 10, 0, 100) == pytest.approx([90, 100])
    assert spread_out([], 10, 0, 100) == []


def test_equal_curves_give_equal_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        plots.save(learning_curves(curves(list(BLOCKS), 0.1)), tmp_path / folder, "curves")
    one, two = (tmp_path / folder / "curves.svg" for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_name_without_room_beside_its_point_stands_at_its_own_bar() -> None:
    """Beyond its neighbours' bars it would seem to belong to them."""
    table = DataFrame(
        {
            "block": ["none", "gc", "cbam", "note_channel", "psa_sequential"],
            "macs": [49e6, 49.034e6, 49.038e6, 49.062e6, 49.098e6],
            "miou": [0.395, 0.3985, 0.3925, 0.3855, 0.3993],
            "miou_std": [0.015, 0.030, 0.007, 0.0215, 0.025],
            "seeds": 2,
        }
    )
    runs = table[["block", "miou"]]
    figure = miou_against_macs(table, runs)
    [text] = [text for text in names(figure) if text.get_text() == "Note (channel)"]
    box = Text.get_window_extent(text)
    [axes] = figure.axes
    x, low = axes.transData.transform((0.062, 36.4))
    assert box.x0 < x < box.x1
    assert low - 40 < box.y1 <= low


def test_a_block_that_adds_nothing_is_not_on_logarithmic_axes() -> None:
    columns = ("added_params", "added_direct", "added_fast")
    numbers = {"none": (0, 0, 0), "se": (5, 7, 7), "simam": (0, 0, 0), "gc": (9, 8, 6)}
    rows = [
        {"block": block, **dict(zip(columns, row, strict=True))}
        for block, row in numbers.items()
    ]
    figure = plots.added_cost(DataFrame(rows))
    assert {text.get_text() for text in names(figure)} >= {"SE", "GC"}
    assert "SimAM" not in {text.get_text() for text in names(figure)}
