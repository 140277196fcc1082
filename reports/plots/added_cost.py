"""MACs against parameters that blocks add to a network."""

from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from pandas import DataFrame

from reports.plots.labels import place_labels
from reports.plots.style import FAMILIES, STYLE, add_legend, families_of, family, new_figure


def added_cost(costs: DataFrame) -> Figure:
    """The MACs that each block adds to a network over the parameters that it adds.

    A line joins a block as published and the same function as this suite runs it. A block
    that adds no parameters or no MACs has no place on logarithmic axes, and is left out.
    """
    positive = (costs[["added_params", "added_direct", "added_fast"]] > 0).all(axis=1)
    rows = costs[positive].to_dict("records")
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(8, 5.5)
        axes.set_xscale("log")
        axes.set_yscale("log")
        places, bars = {}, {}
        for row in rows:
            _, colour, marker = FAMILIES[family(row["block"])]
            params, macs = row["added_params"], (row["added_direct"], row["added_fast"])
            axes.plot([params] * 2, macs, color=colour, alpha=0.4, linewidth=1.5, zorder=2)
            axes.scatter([params], macs[:1], s=44, color=colour, marker=marker, zorder=3)
            look: Any = {"facecolor": "white", "edgecolor": colour, "marker": marker}
            axes.scatter([params], macs[1:], s=24, zorder=4, **look)
            places[row["block"]] = (params, macs[0])
            bars[row["block"]] = (min(macs), max(macs))
        axes.set_xlim(right=5 * costs["added_params"].max())
        axes.set_ylim(top=4 * costs["added_direct"].max())
        axes.set_xlabel("Parameters added")
        axes.set_ylabel("MACs added to one image (filled: as published; open: as run)")
        add_legend(axes, families_of(places))
        place_labels(axes, places, bars, dict.fromkeys(places, axes.transData))
    return figure
