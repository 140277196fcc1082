"""The menus, axes and titles of a chart of gain against cost, in Vega-Lite's words.

https://vega.github.io/vega-lite/docs. A menu is a parameter, and what follows from it is an
expression.
"""

import json
from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any

Spec = dict[str, Any]

HERE: Spec = {"filter": "datum.setting == setting"}
X: Spec = {"field": "x", "type": "quantitative"}
Y: Spec = {"field": "y", "type": "quantitative", "title": None, "scale": {"zero": False}}
TITLE: Spec = {"type": "text", "fontSize": 11, "fontWeight": "bold"}
BELOW = {"expr": "height + 36"}  # the axes and their labels


def menu(name: str, title: str, choices: dict[Any, str]) -> Spec:
    """A parameter, with a menu if there is more than one choice; the first is chosen."""
    values = list(choices)
    parameter: Spec = {"name": name, "value": values[0]}
    if len(values) == 1:
        return parameter
    labels = [choices[value] for value in values]
    bind = {"input": "select", "name": f"{title} ", "options": values, "labels": labels}
    return parameter | {"bind": bind}


def symlog(costs: Mapping[str, Sequence[float]]) -> Spec:
    """The axis of added costs: linear up to the least of a cost, then logarithmic."""
    ticks, limits = {}, {}
    for cost, values in costs.items():
        least = min((value for value in values if value > 0), default=1.0)
        ticks[cost] = [0, *(10.0**power for power in range(floor(log10(least)), 16))]
        limits[cost] = [
            min(-0.4 * least, 1.5 * min(values)),
            1.5 * max(*values, least),
            least,
        ]
    low, high, linear = (chosen(limits, "cost", number) for number in range(3))
    scale: Spec = {
        "type": "symlog",
        "constant": linear,
        "domainMin": low,
        "domainMax": high,
    }
    scale |= {"nice": False}
    axis = {"values": chosen(ticks, "cost"), "labelExpr": "format(datum.value, '~s')"}
    return X | {"scale": scale, "axis": axis, "title": None}


def chosen(values: Mapping[str, Any], parameter: str, *place: int) -> Spec:
    """The value of what is chosen in a menu, or a place in it, as an expression."""
    inside = "".join(f"[{number}]" for number in place)
    return {"expr": f"({json.dumps(dict(values))})[{parameter}]{inside}"}


def titles(measures: Mapping[str, str], costs: Mapping[str, str]) -> list[Spec]:
    """Titles that follow the menus: of the axis upwards above it, of the other below."""
    up = {"x": 0, "y": -10, "align": "left", "text": chosen(measures, "measure")}
    across = {"x": {"expr": "width"}, "y": BELOW, "align": "right"}
    return [
        {"data": {"values": [{}]}, "mark": TITLE | place}
        for place in (up, across | {"text": chosen(costs, "cost")})
    ]


def left_out() -> Spec:
    """The names of blocks whose cost is unknown, under the axes."""
    text = "'Cost unknown, so not drawn: ' + join(pluck(datum.rows, 'name'), ', ')"
    return {
        "data": {"name": "blocks"},
        "transform": [
            HERE,
            {"filter": "!isValid(datum[cost])"},
            {"aggregate": [{"op": "values", "as": "rows"}], "groupby": ["setting"]},
            *calculated({"text": text}),
        ],
        "mark": TITLE | {"x": 0, "y": BELOW, "align": "left", "fontWeight": "normal"},
        "encoding": {"text": {"field": "text"}},
    }


def calculated(expressions: Mapping[str, str]) -> list[Spec]:
    """Fields of each datum, by expressions of Vega."""
    return [{"calculate": text, "as": field} for field, text in expressions.items()]
