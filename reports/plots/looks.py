"""Looks that differ in colour and in shape, so that they can be told apart in grey."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from ablations.errors import visible
from reports.comparison import Comparison
from reports.plots.labels import without_middle
from reports.plots.style import Family

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
DASHES: list[Any] = ["-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5))]
MARKERS = "osD^vPX<>*hpd"


def line_looks(blocks: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A look for each line, distinct for up to 182 lines; the baseline is grey."""
    others = (
        {
            "color": COLOURS[number % 7],
            "linestyle": DASHES[number % 7 % 2 + number // 7 % 2 * 2],
            "marker": MARKERS[number % 13],
            "linewidth": 1.4,
        }
        for number in itertools.count()
    )
    for block in blocks:
        if block == "none":
            yield {"color": "#777777", "linestyle": "-", "marker": "", "linewidth": 3.0}
        else:
            yield next(others)


def setting_looks(comparisons: Sequence[Comparison]) -> list[Family | None]:
    """A look for each setting, distinct for up to 91; None if there is only one."""
    if len(comparisons) == 1:
        return [None]
    return [
        Family(text, COLOURS[number % 7], MARKERS[number % 13])
        for number, text in enumerate(setting_names(comparisons))
    ]


def setting_names(comparisons: Sequence[Comparison]) -> list[str]:
    """Of each setting the values of the keys in which these settings differ."""
    settings = [one.setting for one in comparisons]
    keys = [key for key in settings[0] if len({str(s[key]) for s in settings}) > 1]
    return [visible(without_middle(differing(setting, keys))) for setting in settings]


def differing(setting: dict[str, object], keys: Sequence[str]) -> str:
    """Names stand alone; a number or a switch needs its key."""
    values = [(key, setting[key]) for key in keys]
    texts = [v if isinstance(v, str) and v else f"{key} {v}" for key, v in values]
    return ", ".join(texts)
