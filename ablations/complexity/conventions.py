"""Counting conventions: what a "FLOPs" column of a paper may mean.

A convention is a sum of counts and the unit that it calls a G.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ablations.complexity.handles import NOT_COUNTED
from ablations.complexity.subjects import Counts
from ablations.errors import unknown_name


@dataclass(frozen=True)
class Convention:
    """How a tool or a paper counts."""

    label: str  # for captions
    operation: Literal["MAC", "FLOP"]  # the unit; one MAC is two FLOPs
    kilo: int  # 1000 or 1024; one G is kilo**3
    count: Callable[[Counts], int | None]  # None: a counter cannot run it
    source: str

    def total(self, counts: Counts) -> int | str:
        """A text that says why, if there is no total."""
        if counts.macs is None:
            return NOT_COUNTED + counts.cost.not_counted
        count = self.count(counts)
        return f"{NOT_COUNTED}it does not run without values" if count is None else count

    def figure(self, counts: Counts) -> float:
        """The total in G, as a table prints it; only if there is one."""
        return int(self.total(counts)) / self.kilo**3


CONVENTIONS = {
    "macs": Convention(
        "multiply-adds of convolutions, linear layers and matrix products",
        "MAC",
        1000,
        lambda counts: counts.macs,
        "fvcore, of these operators",
    ),
    "fvcore": Convention(
        "multiply-adds, and operations of norms, pooling and interpolation",
        "MAC",
        1000,
        lambda counts: counts.fvcore_total,
        "fvcore's total",
    ),
    "torch": Convention(
        "two for each multiply-add of a convolution or matrix product",
        "FLOP",
        1000,
        lambda counts: counts.torch_flops,
        "torch.utils.flop_counter",
    ),
    "thop": Convention(
        "multiply-adds of layers with weights, and two for each element of a batch norm",
        "MAC",
        1000,
        lambda counts: counts.layer_macs + 2 * counts.norm_elements,
        "thop 0.0.31; Table 3 of the PSA paper",
    ),
    "hrnet": Convention(
        "weights times output positions of layers with weights",
        "MAC",
        1024,
        lambda counts: counts.layer_macs_at_output,
        "the tool of HRNet's pose code; Tables 2 and 4 of the PSA paper",
    ),
    "closed_form": Convention(
        "multiply-adds of layers with weights, and of blocks by their formulas",
        "MAC",
        1000,
        lambda counts: counts.closed_form,
        "by hand",
    ),
}


def find_convention(name: str) -> Convention:
    if name not in CONVENTIONS:
        raise unknown_name("convention", name, CONVENTIONS)
    return CONVENTIONS[name]
