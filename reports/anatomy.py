"""The anatomy of blocks as a page: function, beside what the PSA paper claims; start; cost.

Published claims have columns of their own.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pandas import DataFrame

from ablations.anatomy import COST_CHANNELS, COST_SIZE, Anatomy, anatomy_of
from ablations.anatomy.contexts import sides
from ablations.contract import Size
from ablations.errors import InputError
from ablations.wrappers import named_block
from reports.anatomy_columns import COST, FUNCTION, START
from reports.page import Code, Page, Table, Text
from reports.psa_paper.growth import BLOCKS_OF_ROW, TEXTS
from reports.psa_paper.printed import printed_table

HEAD = Text(
    "This page is written by ",
    Code("ablate anatomy"),
    ", from code alone: nothing is trained. Every property is measured from what a block "
    "answers, in float64, not read off its name or its paper.",
)
FUNCTION_NOTES = [
    "Function: of the awake block. Each parameter that is zero throughout at the start, "
    "such as a gain, is replaced by one random draw, since the block would do nothing.",
    "Reaches: share of the other positions that an output position depends on. Far/near: "
    "influence from beyond half the longer side over that of the eight neighbours.",
    "Contexts: what positions on the left get from the right, beyond a gap. 1: all get "
    "the same; k: no more than k numbers cross, which positions may read differently. "
    "Distinct is the rank over positions, effective weighs it by size, channels is the "
    "rank over the channels of one position.",
    "Error after a permutation of positions, a shift (away from borders) or a flip: 0 if "
    "the block treats positions alike, about 1 if place decides. Content: 0 if the block "
    "is linear, so that content steers nothing.",
    "Columns marked (paper) are printed in Table 1 of arXiv 2107.00782, whose SE has ratio "
    "4; W, H: full resolution, SM: softmax, SD: sigmoid.",
]
START_NOTES = [
    "Start: of the block as it is built. Scale: RMS of the output over that of the input. "
    "Singular values are those of the Jacobian for noise, on half the sides; x16 is their "
    "geometric mean to the power of 16: what is left of a gradient after 16 such blocks.",
    "Gates: results of sigmoids for noise; saturated: the share below 0.05 or above 0.95.",
]
COST_NOTES = [
    "Least bytes: x is read once, y written once, parameters are read once, as float32. "
    "MACs/byte: multiply-adds, as published and as run, per least byte.",
]


def anatomies(
    blocks: Iterable[str], channels: int, size: Size
) -> tuple[list[Anatomy], list[str]]:
    """Of each block that fits, and the problems of those that do not.

    Raises InputError if none fits.
    """
    found, problems = [], list[str]()
    for block in blocks:
        try:
            found.append(anatomy_of(block, channels, size))
        except InputError as error:
            problems.append(str(error))
    if not found:
        raise InputError(problems[0])
    return found, problems


def anatomy_page(
    found: Sequence[Anatomy], channels: int, size: Size, problems: Sequence[str] = ()
) -> Page:
    height, width = size
    numbers = DataFrame(anatomy_row(one) for one in found)
    maps = f"on {channels} channels of {height}x{width}"
    side = len(sides(size)[0])
    function = f"What blocks compute, {maps}; at most {side} distinct contexts"
    start = f"How blocks begin, {maps}"
    rows, columns = COST_SIZE
    cost = f"Arithmetic intensity, one image, {COST_CHANNELS} channels of {rows}x{columns}"
    tables = [
        Table(numbers, FUNCTION, "anatomy", function, [*FUNCTION_NOTES, *problems]),
        shown(Table(numbers, START, "anatomy_start", start, START_NOTES)),
        shown(Table(numbers, COST, "anatomy_cost", cost, COST_NOTES)),
    ]
    return Page("What attention blocks do: their anatomy", [HEAD, *tables])


def shown(table: Table) -> Table:
    """With the numbers of its columns alone."""
    names = [column.name for column in table.columns]
    return table._replace(numbers=table.numbers[names])


def anatomy_row(anatomy: Anatomy) -> dict[str, Any]:
    """Every number under its name, in base units, beside the paper's claims."""
    block, form, reach, contexts, symmetry, start, intensity = anatomy
    row: dict[str, Any] = {"block": block}
    for part in (form, reach, contexts, symmetry, start, intensity):
        row |= part._asdict()
    return row | dict.fromkeys(TEXTS) | dict(claims(block))


def claims(block: str) -> Iterator[tuple[str, str]]:
    """What the paper's Table 1 prints about the method, whatever the block's options."""
    for number, blocks in BLOCKS_OF_ROW.items():
        if named_block(block) in map(named_block, blocks):
            [cells] = [
                row.cells for key, row in printed_table(1).items() if key[1] == number
            ]
            yield from ((name, cells[name]) for name in TEXTS)
