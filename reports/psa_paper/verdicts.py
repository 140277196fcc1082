"""Printed against counted: each cell's verdict and its reason, both computed."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, NamedTuple

from ablations.complexity.conventions import CONVENTIONS, Convention
from ablations.complexity.subjects import ModelCounts
from reports.cost_notes import in_words
from reports.psa_paper.networks import (
    ROWS,
    RebuiltRow,
    RowOnPrintedBase,
    UndeterminedRow,
    Variant,
)
from reports.psa_paper.printed import COSTS, Key, printed_rows
from reports.psa_paper.rounding import (
    bounds,
    is_cut_to,
    number,
    rounded,
    rounds_to,
    rounds_to_fewer,
)

Verdict = Literal[
    "exact to the printed digit",
    "convention",
    "variant",
    "copied from a README",
    "undetermined",
]


class JudgedCell(NamedTuple):
    """One cell; numbers are in the unit of the cell, G or M."""

    row: Key
    metric: str  # Flops or mPara
    printed: str
    ours: Fraction | None
    verdict: Verdict
    reason: str


def judge_table(table: int, convention: Convention) -> Iterator[JudgedCell]:
    """The cost cells of every row that is rebuilt, FLOPs by the convention."""
    for key, row in ROWS.items():
        if key[0] == table:
            for metric in COSTS:
                yield judge(key, row, metric, convention)


def judge(
    key: Key,
    row: RebuiltRow | UndeterminedRow | RowOnPrintedBase,
    metric: str,
    convention: Convention,
) -> JudgedCell:
    printed = printed_rows()[key].cells[metric]
    if isinstance(row, UndeterminedRow):
        return JudgedCell(
            key, metric, printed, None, "undetermined", fits(key, row, convention)
        )
    if isinstance(row, RowOnPrintedBase):
        return judge_on_base(key, row, metric, convention)
    ours = in_unit(row.implied.counts, metric, convention)
    verdict, reason = compare(key, row, metric, ours, convention)
    return JudgedCell(key, metric, printed, ours, verdict, reason)


def in_unit(counts: ModelCounts, metric: str, convention: Convention) -> Fraction:
    """In the column's unit: parameters in millions, operations in the convention's G."""
    if metric == "mPara":
        return Fraction(counts.params, 10**6)
    return Fraction(int(convention.total(counts)), convention.kilo**3)


def compare(
    key: Key, row: RebuiltRow, metric: str, ours: Fraction, convention: Convention
) -> tuple[Verdict, str]:
    printed, text = printed_rows()[key].cells[metric], rounded(ours)
    if rounds_to(ours, printed):
        reason = f"{row.implied.label}: {text}" + others(row, metric, printed, convention)
        return "exact to the printed digit", reason
    readme = row.readme.get(metric)
    if readme and number(readme) == number(printed):
        source = f"the README of the network's authors says {readme}"
        return "copied from a README", f"counted {text}; {source}"
    if is_cut_to(ours, printed):
        return "convention", f"{rounded(ours, 4)}, truncated instead of rounded"
    if rounds_to_fewer(ours, printed):
        return "convention", f"{text}, rounded to one digit fewer, with a zero appended"
    for other in CONVENTIONS.values() if metric == "Flops" else ():
        value = in_unit(row.implied.counts, metric, other)
        if rounds_to(value, printed):
            return "convention", f"counted {text}; {rounded(value)} {in_words(other)}"
    for variant in row.others:
        if rounds_to(in_unit(variant.counts, metric, convention), printed):
            return "variant", f"{row.implied.label} gives {text}; {variant.label} agrees"
    return "undetermined", f"counted {text}" + elsewhere(key, row, metric)


def others(row: RebuiltRow, metric: str, printed: str, convention: Convention) -> str:
    """What the other variants give: those that would print the same, and the rest."""
    alike: list[str] = []
    excluded: list[str] = []
    for variant in row.others:
        theirs = in_unit(variant.counts, metric, convention)
        group = alike if rounds_to(theirs, printed) else excluded
        group.append(f"{variant.label} {rounded(theirs)}")
    parts = [f"; excluded: {', '.join(excluded)}"] if excluded else []
    parts += [f"; prints the same: {', '.join(alike)}"] if alike else []
    return "".join(parts)


def elsewhere(key: Key, row: RebuiltRow, metric: str) -> str:
    """The places where the paper prints another number for the same network."""
    printed, places = printed_rows()[key].cells[metric], []
    for other_key, other in ROWS.items():
        if isinstance(other, RebuiltRow) and same(row.implied, other.implied, metric):
            theirs = printed_rows()[other_key].cells[metric]
            if number(theirs) != number(printed):
                places.append(f"Table {other_key[0]}, row {other_key[1]} prints {theirs}")
    names = ", ".join(places)
    return f"; for the same network {names}" if places else "; no source found"


def same(one: Variant, other: Variant, metric: str) -> bool:
    """Parameters do not depend on the size of the image."""
    if metric == "mPara":
        one = Variant(one.setting._replace(size=other.setting.size), one.block)
    return one == other


def fits(key: Key, row: UndeterminedRow, convention: Convention) -> str:
    """The candidates that print as in both cells, rounded or truncated."""
    fitting: list[str] = []
    excluded: list[str] = []
    for variant in row.candidates:
        values = {m: in_unit(variant.counts, m, convention) for m in COSTS}
        text = (
            f"{variant.label} ({rounded(values['Flops'])} G, {rounded(values['mPara'])} M)"
        )
        cells = printed_rows()[key].cells
        prints = [
            rounds_to(values[m], cells[m]) or is_cut_to(values[m], cells[m]) for m in COSTS
        ]
        (fitting if all(prints) else excluded).append(text)
    return (
        f"{len(fitting)} candidates fit both cells, and counting cannot tell them apart: "
        f"{', '.join(fitting)}. Excluded: {', '.join(excluded)}"
    )


def judge_on_base(
    key: Key, row: RowOnPrintedBase, metric: str, convention: Convention
) -> JudgedCell:
    """The printed base is rounded: does any base within it give both printed numbers?"""
    printed, base = (printed_rows()[k].cells[metric] for k in (key, row.base))
    bare = Variant(row.implied.setting).counts
    gains = [
        in_unit(variant.counts, metric, convention) - in_unit(bare, metric, convention)
        for variant in (row.implied, *row.others)
    ]
    ranges = [meeting(base, printed, gain) for gain in gains]
    ours = Fraction(number(base)) + gains[0]
    reasons = []
    for variant, gain, span in zip((row.implied, *row.others), gains, ranges, strict=True):
        fit = f"{rounded(span[0])} to {rounded(span[1])}" if span else "none"
        reasons.append(f"{fit} if {variant.label} adds {rounded(gain)}")
    verdict: Verdict = "variant" if ranges[0] else "undetermined"
    head = (
        f"on the printed base of {base} (row {row.base[1]}); bases that give both figures: "
    )
    return JudgedCell(key, metric, printed, ours, verdict, head + "; ".join(reasons))


def meeting(base: str, printed: str, gain: Fraction) -> tuple[Fraction, Fraction] | None:
    """The bases that print as base, and plus the gain as printed; None if none does."""
    lower, upper = bounds(base)
    low, high = bounds(printed)
    lower, upper = max(lower, low - gain), min(upper, high - gain)
    return (lower, upper) if lower < upper else None
