"""Counting conventions: what a "FLOPs" column of a paper may mean.

A convention is a weighted sum of counts, and the unit that it calls a G.
"""

from typing import Literal, NamedTuple

from ablations.complexity.handles import NOT_COUNTED
from ablations.complexity.subjects import Counts
from ablations.errors import unknown_name


class Convention(NamedTuple):
    """How a tool or a paper counts."""

    label: str  # for captions
    operation: Literal["MAC", "FLOP"]  # what it counts one of; a MAC is two FLOPs
    kilo: int  # 1000 or 1024; a G is kilo**3 of them
    weights: dict[str, int]  # of the counts in subjects.py
    source: str

    def total(self, counts: Counts) -> int | str:
        """Or, of what holds operators that no counter knows, which those are."""
        if counts.macs is None:
            return NOT_COUNTED + counts.cost.not_counted
        numbers = {name: getattr(counts, name) for name in self.weights}
        if None in numbers.values():
            return f"{NOT_COUNTED}it does not run without values"
        return sum(weight * int(numbers[name]) for name, weight in self.weights.items())

    def figure(self, counts: Counts) -> float:
        """The total in G, as a table prints it; of what is counted."""
        return int(self.total(counts)) / self.kilo**3


CONVENTIONS = {
    "macs": Convention(
        "multiply-adds of convolutions, linear layers and matrix products",
        "MAC",
        1000,
        {"macs": 1},
        "fvcore, of these operators",
    ),
    "fvcore": Convention(
        "multiply-adds, and operations of norms, pooling and interpolation",
        "MAC",
        1000,
        {"fvcore_total": 1},
        "fvcore's total",
    ),
    "torch": Convention(
        "two for each multiply-add of a convolution or matrix product",
        "FLOP",
        1000,
        {"torch_flops": 1},
        "torch.utils.flop_counter",
    ),
    "thop": Convention(
        "multiply-adds of layers with weights, and two for each element of a batch norm",
        "MAC",
        1000,
        {"layer_macs": 1, "norm_elements": 2},
        "thop 0.0.31; Table 3 of the PSA paper",
    ),
    "hrnet": Convention(
        "weights times output positions of layers with weights",
        "MAC",
        1024,
        {"layer_macs_at_output": 1},
        "the tool of HRNet's pose code; Tables 2 and 4 of the PSA paper",
    ),
    "closed_form": Convention(
        "multiply-adds of layers with weights, and of blocks by their formulas",
        "MAC",
        1000,
        {"closed_form": 1},
        "by hand",
    ),
}


def find_convention(name: str) -> Convention:
    if name not in CONVENTIONS:
        raise unknown_name("convention", name, CONVENTIONS)
    return CONVENTIONS[name]
