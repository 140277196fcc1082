"""The blocks that no other block beats in both cost and metric."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

Place = tuple[float, float]  # cost, metric


def front(places: Mapping[str, Place]) -> list[str]:
    """The names of the places on the Pareto front, the cheapest first.

    A place is on it if every other place that costs as much or less has a lower metric.
    Equal places are on it together.
    """
    found: list[str] = []
    for name in sorted(places, key=lambda name: (places[name][0], -places[name][1])):
        best = places[found[-1]] if found else None
        if best is None or places[name][1] > best[1] or places[name] == best:
            found.append(name)
    return found


def staircase(corners: Sequence[Place]) -> list[Place]:
    """A line through the places of a front: the best metric for each cost."""
    steps = list(corners[:1])
    for (_, metric), corner in pairwise(corners):
        steps += [(corner[0], metric), corner]
    return steps
