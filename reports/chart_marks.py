"""The marks of a chart of gain against cost, in Vega-Lite's words.

https://vega.github.io/vega-lite/docs. The parameters are what the menus choose: measure,
cost, setting and block, the latter two as numbers, with -1 for all blocks.
"""

from collections.abc import Sequence

from reports.chart_axes import HERE, TITLE, Spec, X, Y, calculated
from reports.plots.style import Family

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"  # a name; nothing fetches it
SYMBOLS = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "X": "cross"}
NAMED = 8  # the most blocks whose names are all written; more would cover each other
GREY = "#808080"  # legible on white and on black
PLACE = {"x": "datum[cost]", "y": "datum[measure]"}
CHOSEN = {"and": [{"param": "families"}, "block < 0 || datum.block == block"]}


def level() -> Spec:
    """The baseline, as a line across the axes."""
    return {
        "data": {"name": "blocks"},
        "transform": [HERE, {"filter": "datum.baseline"}, *calculated({"y": PLACE["y"]})],
        "mark": {"type": "rule", "strokeDash": [6, 4], "color": GREY},
        "encoding": {"y": Y},
    }


def intervals(colour: Spec) -> Spec:
    ends = {"y": "datum[measure + '_low']", "y2": "datum[measure + '_high']"}
    return {
        "data": {"name": "blocks"},
        "transform": [
            HERE,
            *calculated(PLACE | ends),
            {"filter": "isValid(datum.y)"},
        ],
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": {"x": X, "y": Y, "y2": {"field": "y2"}, "color": colour}
        | {"opacity": opacity(0.8)},
    }


def runs(colour: Spec) -> Spec:
    """A dot for each run, with the address of the run."""
    words = f"datum.name + ', seed ' + datum.seed + ': {WORDS}"
    of_block = ["setting", "block", "name", "family", "macs", "params"]
    return {
        "data": {"name": "runs"},
        "transform": [
            {
                "lookup": "key",
                "from": {"data": {"name": "blocks"}, "key": "key", "fields": of_block},
            },
            HERE,
            *calculated(PLACE | {"address": "'#run-' + datum.run", "words": words}),
        ],
        "mark": {"type": "circle", "size": 34, "cursor": "pointer"},
        "encoding": {"x": X, "y": Y, "color": colour, "href": {"field": "address"}}
        | {"opacity": opacity(0.5), "tooltip": tooltip(RUN_TIP), "description": SPOKEN},
    }


def means(across: Spec, colour: Spec, shape: Spec) -> Spec:
    """A mark for each block. Its legend filters by family."""
    texts = {
        f"{measure}_interval": f"isValid(datum.{measure}_low) ? "
        f"format(datum.{measure}_low, '{sign}.2f') + ' to ' + "
        f"format(datum.{measure}_high, '{sign}.2f') : 'one seed'"
        for measure, sign in (("gain", "+"), ("miou", ""))
    }
    return {
        "data": {"name": "blocks"},
        "params": [
            {"name": "families", "bind": "legend"}
            | {"select": {"type": "point", "fields": ["family"]}}
        ],
        "transform": [
            HERE,
            *calculated(PLACE | texts | {"words": f"datum.name + ': {WORDS}"}),
        ],
        "mark": {"type": "point", "filled": True, "size": 110},
        "encoding": {"x": across, "y": Y, "color": colour, "shape": shape}
        | {"opacity": opacity(1), "tooltip": tooltip(BLOCK_TIP), "description": SPOKEN},
    }


def names(blocks: int) -> Spec:
    """The name of the block that is chosen in the menu; if there are few, all names."""
    chosen = "datum.block == block"
    return {
        "data": {"name": "blocks"},
        "transform": [
            HERE,
            {"filter": f"{chosen} || block < 0" if blocks <= NAMED else chosen},
            *calculated(PLACE),
        ],
        "mark": TITLE | {"align": "left", "dx": 9, "dy": -9},
        "encoding": {"x": X, "y": Y, "text": {"field": "name"}},
    }


WORDS = "gain ' + format(datum.gain, '+.2f') + ' points'"  # ends an expression
SPOKEN: Spec = {"field": "words"}  # by a screen reader
BLOCK_TIP = {
    "name": ("Block", ""),
    "gain": ("Gain (points)", "+.2f"),
    "gain_interval": ("95 % of gain", ""),
    "miou": ("mIoU (%)", ".2f"),
    "miou_interval": ("95 % of mIoU", ""),
    "seeds": ("Seeds", "d"),
    "macs": ("MACs added", ",d"),
    "params": ("Parameters added", ",d"),
}
RUN_TIP = {
    "name": ("Block", ""),
    "seed": ("Seed", "d"),
    "gain": ("Gain (points)", "+.2f"),
    "miou": ("mIoU (%)", ".2f"),
    "run": ("Run (click to read)", ""),
}


def tooltip(fields: dict[str, tuple[str, str]]) -> list[Spec]:
    return [
        {"field": field, "title": title, "type": "quantitative", "format": form}
        if form
        else {"field": field, "title": title, "type": "nominal"}
        for field, (title, form) in fields.items()
    ]


def opacity(most: float) -> Spec:
    return {"condition": {"test": CHOSEN, "value": most}, "value": 0.15}


def look(families: Sequence[Family]) -> tuple[Spec, Spec]:
    """The colours and the shapes of families, with one legend."""
    common: Spec = {"field": "family", "type": "nominal"}
    labels = [one.label for one in families]
    legend = {"orient": "top", "title": None, "symbolSize": 90}
    colours = {"domain": labels, "range": [one.colour for one in families]}
    shapes = {"domain": labels, "range": [SYMBOLS[one.marker] for one in families]}
    return (
        common | {"scale": colours, "legend": legend},
        common | {"scale": shapes, "legend": legend},
    )
