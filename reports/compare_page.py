"""Two sets of runs of the same configurations, as a page: a verdict first, then tables."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas import DataFrame

from ablations.records import RunRecord
from reports.column_choice import fitting
from reports.columns import BLOCK
from reports.compare import Pair, changes, compared_blocks, mean, paired
from reports.completeness import first, plural
from reports.page import (
    WIDE,
    Code,
    Column,
    Heading,
    Items,
    Page,
    Paper,
    Part,
    Strong,
    Table,
    Text,
)
from reports.reading import Reading, problem_parts
from reports.section import describe
from reports.statistics import interval
from reports.units import count, percent, points, ratio
from reports.write.cells import shortened

COLUMNS = [
    Column("setting", "Setting", str, "paragraph"),
    BLOCK,
    Column("seeds", "Seeds", count, rank=1),
    Column("miou_a", "A (%)", percent, group="mIoU"),
    Column("miou_b", "B (%)", percent, group="mIoU"),
    Column("difference", "B - A", points),
    Column("difference_low", "from", points, group="95 %", rank=2),
    Column("difference_high", "to", points, group="95 %", rank=2),
    Column("seconds_ratio", "Seconds, B/A", ratio, rank=3),
    Column("equal", "Bit-equal", count, rank=1),
]
CHANGES = [
    Column("name", "What", str, "left"),
    Column("a", "A", str, "paragraph"),
    Column("b", "B", str, "paragraph"),
    Column("pairs", "Pairs", count, rank=WIDE),
]
HOW_TO_READ = (
    "A pair is one configuration, run in A and in B. mIoU is the mean over pairs; B - A is "
    "the mean difference in percentage points, with Student's t interval over pairs. "
    "Seconds, B/A: geometric mean of the ratio of training seconds. Bit-equal: pairs in "
    "which every score and loss is the same to the last bit."
)


def compare_page(
    places: tuple[Path, Path], sides: tuple[Reading, Reading], ignored: Sequence[str]
) -> tuple[Page, bool]:
    """The page, and whether every run is in both places with the same result.

    Raises InputError if no run is in both.
    """
    a, b = sides
    pairing = paired(a.records, b.records, ignored)
    names = [shortened(place) for place in places]
    same = [pair.is_equal for pair in pairing.pairs]
    parts = [
        Text("A is ", Code(names[0]), ", B is ", Code(names[1]), "."),
        *verdict(pairing.pairs),
        *problem_parts(a),
        *problem_parts(b),
        table(pairing.pairs),
        Text(HOW_TO_READ),
        *origins(pairing.pairs, ignored),
        *alone("A", pairing.only_a),
        *alone("B", pairing.only_b),
    ]
    complete = not (pairing.only_a or pairing.only_b)
    return Page("Runs compared", parts), all(same) and complete


def verdict(pairs: Sequence[Pair]) -> list[Part]:
    """How many pairs are equal; if not all, the largest and the mean difference."""
    equal = sum(pair.is_equal for pair in pairs)
    head = f"{plural(len(pairs), 'run')} in both; {equal} bit-equal."
    if equal == len(pairs):
        return [Text(Strong(head))]
    largest = max(pairs, key=lambda pair: abs(pair.difference))
    differences = [pair.difference for pair in pairs]
    low, high = interval(differences)
    sentence = f" Over all pairs mIoU differs by {points(mean(differences))} points (B - A)"
    if len(pairs) > 1:
        holds = "holds" if low <= 0 <= high else "excludes"
        sentence += f"; the 95 % interval, {points(low)} to {points(high)}, {holds} 0"
    return [
        Text(
            Strong(head),
            f" The largest difference in mIoU is {points(largest.difference)} points, of ",
            Code(largest.a.config.run_id),
            f".{sentence}.",
        ),
        *other_data(pairs),
    ]


def other_data(pairs: Sequence[Pair]) -> list[Part]:
    number = sum(pair.a.data != pair.b.data for pair in pairs)
    if not number:
        return []
    warning = Strong(f"The data of {plural(number, 'pair')} differ")
    return [Text(warning, ", so their results need not agree.")]


def table(pairs: Sequence[Pair]) -> Table:
    """A row per setting and block; the setting is a column if there are several."""
    groups = compared_blocks(pairs)
    frames = [numbers.assign(setting=describe(setting)) for setting, numbers in groups]
    columns = COLUMNS if len(groups) > 1 else COLUMNS[1:]
    caption = "" if len(groups) > 1 else describe(groups[0][0])
    numbers = pd.concat(frames, ignore_index=True)
    paper = Paper(fitting(columns), f"mIoU of equal runs in A and B. {caption}".strip())
    return Table(numbers, columns, "compare", caption, paper=paper)


def origins(pairs: Sequence[Pair], ignored: Sequence[str]) -> list[Part]:
    numbers = changes(pairs, ignored)
    heading = Heading("What differs but for the result")
    if numbers.empty:
        return [heading, Text("Nothing: devices, versions, commits and data are the same.")]
    shown: DataFrame = numbers.head(50)
    more = len(numbers) - len(shown)
    notes = [f"and {more} more"] if more else []
    return [heading, Table(shown, CHANGES, "compare-origins", notes=notes)]


def alone(side: str, records: Sequence[RunRecord]) -> list[Part]:
    if not records:
        return []
    head = Heading(f"Only in {side}: {plural(len(records), 'run')}")
    return [head, Items(first([Text(Code(record.config.run_id)) for record in records]))]
