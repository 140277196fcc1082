"""Pictures of result tables, as matplotlib figures without global state.

One kind of picture is one file; the names here are those that pages use.
"""

from reports.plots.added_cost import added_cost
from reports.plots.bench import direct_against_fast
from reports.plots.cost import against_cost
from reports.plots.curves import learning_curves
from reports.plots.forest import forest
from reports.plots.growth import cost_growth
from reports.plots.heat_map import gain_table, heat_map
from reports.plots.overview import overview
from reports.plots.style import FAMILIES, STYLE, family, new_figure, save

__all__ = [
    "FAMILIES",
    "STYLE",
    "added_cost",
    "against_cost",
    "cost_growth",
    "direct_against_fast",
    "family",
    "forest",
    "gain_table",
    "heat_map",
    "learning_curves",
    "new_figure",
    "overview",
    "save",
]
