"""Table 1: how costs grow in C and in HW, checked against the printed O(.).

A count is an exact polynomial of both. A term C^a N^b stays within a printed C^p N^q, for
every C < N (as the paper assumes), exactly if b <= q and a + b <= p + q.
"""

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from statistics import linear_regression

from pandas import DataFrame

from ablations.attention.base import EVALUATIONS, Evaluation
from ablations.complexity.any_resolution import cost_at, polynomials_at
from ablations.complexity.polynomial import evaluate, interpolate
from ablations.contract import LoneBlock
from reports.psa_paper.printed import printed_table

Terms = dict[tuple[int, int], Fraction]  # the coefficients of C^a N^b, by (a, b)

# By row of Table 1, with the reduction ratio that it prints.
BLOCKS_OF_ROW = {
    1: ["non_local"],
    2: ["gc"],
    3: ["se(ratio=4)"],
    4: ["cbam"],
    5: ["da"],
    6: ["ea"],
    7: ["psa_parallel", "psa_sequential"],
}
CHANNELS = (64, 128, 192, 256, 512)
SIDES = (64, 96, 128, 192, 256)
FIXED_CHANNELS, FIXED_SIDE = 256, 128
TEXTS = ("channel_resolution", "spatial_resolution", "nonlinearity", "complexity")


def table_1() -> DataFrame:
    """One row per block and evaluation: texts as printed, and what is counted.

    growth_positions, growth_channels   exponents, fitted to counts over SIDES and CHANNELS
    terms                               the exact count, largest terms first
    exceeds                             the terms beyond the printed O(.)
    """
    rows: list[dict[str, object]] = []
    for (_, number), printed in printed_table(1).items():
        for block in BLOCKS_OF_ROW[number]:
            for evaluation in EVALUATIONS:
                terms = exact_terms(block, evaluation)
                claimed = parse(printed.cells["complexity"])
                rows.append(
                    {"block": block, "evaluation": evaluation}
                    | {name: printed.cells[name] for name in TEXTS}
                    | {
                        "growth_positions": growth_in_positions(block, evaluation),
                        "growth_channels": growth_in_channels(block, evaluation),
                        "terms": " + ".join(map(term, *zip(*terms.items(), strict=True))),
                        "exceeds": ", ".join(term(t) for t in exceeding(terms, claimed)),
                    }
                )
    return DataFrame(rows)


def growth_in_positions(block: str, evaluation: Evaluation) -> float:
    lone = LoneBlock(block, FIXED_CHANNELS, evaluation)
    macs = [cost_at(lone, (side, side)).macs for side in SIDES]
    return slope([side * side for side in SIDES], macs)


def growth_in_channels(block: str, evaluation: Evaluation) -> float:
    size = (FIXED_SIDE, FIXED_SIDE)
    blocks = [LoneBlock(block, channels, evaluation) for channels in CHANNELS]
    macs = [cost_at(lone, size).macs for lone in blocks]
    return slope(CHANNELS, macs)


def slope(sizes: Iterable[int], macs: Iterable[int | None]) -> float:
    """Slope of the straight line fitted in log-log coordinates."""
    line = linear_regression(
        [*map(math.log, sizes)], [math.log(count) for count in macs if count]
    )
    return round(line.slope, 4)


def exact_terms(block: str, evaluation: Evaluation) -> Terms:
    """Largest first; fitted in C to all CHANNELS but the last, which checks the fit."""
    costs = {
        channels: polynomials_at(LoneBlock(block, channels, evaluation), (FIXED_SIDE,) * 2)
        for channels in CHANNELS
    }
    terms: Terms = {}
    for power, name in enumerate(("constant", "linear", "quadratic")):
        values = {c: getattr(cost.macs, name) for c, cost in costs.items() if cost}
        last = values.pop(CHANNELS[-1])
        coefficients = interpolate(values)
        if evaluate(coefficients, CHANNELS[-1]) != last:
            raise ValueError(f"{block}: the count is not a polynomial of the channels")
        terms |= {(degree, power): c for degree, c in enumerate(coefficients) if c}
    order = sorted(terms, key=lambda powers: (-sum(powers), -powers[1]))
    return {powers: terms[powers] for powers in order}


def parse(printed: str) -> list[tuple[int, int]]:
    """The powers of C and of WH in each term, such as (2, 1) for C^2WH."""
    powers = []
    for part in printed.split(" + "):
        match = re.fullmatch(r"C(?:\^(\d))?W(?:\^(\d))?H(?:\^\d)?", part)
        if match is None:
            raise ValueError(f"{printed!r} is not a sum of powers of C and WH")
        powers.append((int(match[1] or 1), int(match[2] or 1)))
    return powers


def exceeding(terms: Terms, claimed: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The terms that no claimed term bounds."""
    return [
        (c, n)
        for c, n in terms
        if not any(
            n <= claim_n and c + n <= claim_c + claim_n for claim_c, claim_n in claimed
        )
    ]


def term(powers: tuple[int, int], coefficient: Fraction | None = None) -> str:
    """A term as text, such as 1.5 C^2 N."""
    letters = [
        letter if power == 1 else f"{letter}^{power}"
        for letter, power in zip("CN", powers, strict=True)
        if power
    ]
    factor = [] if coefficient is None or coefficient == 1 else [f"{float(coefficient):g}"]
    return " ".join([*factor, *letters]) or "1"
