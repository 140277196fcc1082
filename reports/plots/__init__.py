"""Pictures of result tables, as matplotlib figures without global state.

One kind of picture is one file; the names here are those that pages use.
"""

from reports.plots.added_cost import added_cost
from reports.plots.bench import direct_against_fast
from reports.plots.cost import miou_against_macs
from reports.plots.curves import learning_curves
from reports.plots.style import FAMILIES, STYLE, family, new_figure, save

__all__ = [
    "FAMILIES",
    "STYLE",
    "added_cost",
    "direct_against_fast",
    "family",
    "learning_curves",
    "miou_against_macs",
    "new_figure",
    "save",
]
