"""The reproduction as a page: one chapter for each table of the paper."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from ablations.complexity.audit import audit
from ablations.complexity.conventions import CONVENTIONS, Convention
from ablations.complexity.growth import growth_of_blocks
from ablations.complexity.subjects import counts_of_blocks
from reports import plots
from reports.columns import added_cost_columns
from reports.cost_notes import agreement, in_words
from reports.page import Code, Heading, Link, Page, Part, Picture, Table, Text
from reports.psa_paper.caveats import warnings
from reports.psa_paper.columns import (
    CELLS,
    CLAIMED_GROWTH,
    VERDICT_COUNTS,
    accuracy_columns,
    smp_columns,
)
from reports.psa_paper.growth import (
    BLOCKS_OF_ROW,
    CHANNELS,
    FIXED_CHANNELS,
    FIXED_SIDE,
    SIDES,
    table_1,
)
from reports.psa_paper.networks import CONVENTION_OF_TABLE
from reports.psa_paper.tables import (
    ablation_counts,
    ablation_table,
    accuracy_table,
    cell_table,
    counts_of_table,
    smp_counts,
    smp_table,
    verdicts,
)
from reports.psa_paper.verdicts import JudgedCell, judge_table

TITLES = {
    2: "Top-down pose, COCO val2017",
    3: "Semantic segmentation, Pascal VOC 2012",
    4: "Top-down pose, captioned COCO test-dev",
    5: "Semantic segmentation, Cityscapes val",
}
TITLE = "The complexity comparison of the PSA paper, recounted"
HEAD = Text(
    "This page is written by ",
    Code("ablate reproduce psa"),
    ', from code alone. "Paper" columns are the cells of ',
    Link("arXiv 2107.00782", "https://arxiv.org/abs/2107.00782"),
    " as printed; nothing is trained. The paper does not say what a row's network was or "
    "how its authors counted: the network that gives the printed figures is named, along "
    "with the alternatives that were counted.",
)


class Chapter(NamedTuple):
    """What the page says about one table of the paper."""

    title: str
    parts: Sequence[Part]
    cells: Sequence[JudgedCell] = ()


def chapters(convention: Convention | None) -> list[Callable[[], Chapter]]:
    """The chapters in the order of the page; each is counted when it is called.

    FLOPs are counted by the convention, or by each table's own if it is None.
    """
    return [
        growth_chapter,
        *(
            partial(cost_chapter, table, convention or CONVENTIONS[name])
            for table, name in CONVENTION_OF_TABLE.items()
        ),
        partial(ablation_chapter, convention or CONVENTIONS["macs"]),
        accuracy_chapter,
    ]


def psa_page(contents: Sequence[Chapter]) -> Page:
    parts = [
        part for chapter in contents for part in (Heading(chapter.title), *chapter.parts)
    ]
    return Page(TITLE, [HEAD, verdict_table(contents), *parts])


def verdict_table(contents: Iterable[Chapter]) -> Table:
    """The number of the paper's cells with each verdict."""
    return Table(
        verdicts(cell for chapter in contents for cell in chapter.cells),
        VERDICT_COUNTS,
        "psa_verdicts",
        "The paper's FLOPs and parameter cells, by verdict",
    )


def growth_chapter() -> Chapter:
    """Table 1."""
    blocks = [block for names in BLOCKS_OF_ROW.values() for block in names]
    positions = f"H = W from {SIDES[0]} to {SIDES[-1]} at C = {FIXED_CHANNELS}"
    channels = f"C from {CHANNELS[0]} to {CHANNELS[-1]} at H = W = {FIXED_SIDE}"
    notes = [
        f"Exponents are fitted to counts of MACs, {positions} and {channels}; N = HW. A "
        "term is beyond the printed O(.) if it outgrows it for some C < N, the range that "
        "the paper assumes. Direct is as published; fast is the same function as run here.",
        "Pooling, softmax and elementwise products are not MACs, and SE, GC and CBAM do "
        "little else at each position. The paper charges NL and DA for their 1x1 "
        "convolutions, but not PSA and EA, whose C^2 N terms are these convolutions.",
        agreement(audit(counts_of_blocks(blocks, FIXED_CHANNELS, (FIXED_SIDE,) * 2))),
    ]
    caption = (
        "The paper's Table 1: internal resolution, non-linearity and growth of each block"
    )
    table = Table(table_1(), CLAIMED_GROWTH, "psa_table_1", caption, notes)
    size = (FIXED_SIDE, FIXED_SIDE)
    growth = growth_of_blocks(blocks, FIXED_CHANNELS, "direct", size)
    what = f"MACs of a block on {FIXED_CHANNELS} channels, as published"
    figure = plots.cost_growth(growth, what)
    picture = Picture("psa_growth", "MACs against the side of the map", figure)
    return Chapter("Table 1: growth with the size of the map", [table, picture])


def cost_chapter(table: int, convention: Convention) -> Chapter:
    """Table 2, 3 or 4."""
    cells = list(judge_table(table, convention))
    caption = (
        f"The paper's Table {table}: {TITLES[table]}. FLOPs (G) are {in_words(convention)}"
    )
    notes = [agreement(audit(counts_of_table(table)))]
    name = f"psa_table_{table}"
    tables = [Table(cell_table(cells), CELLS, name, caption, notes)]
    tables += [smp_comparison(convention)] if table == 3 else []
    return Chapter(f"Table {table}: {TITLES[table]}", tables, cells)


def smp_comparison(convention: Convention) -> Table:
    """For comparison with Table 3: the network of the same name in smp."""
    pairs = smp_counts()
    notes = [
        "smp's decoder has separable convolutions, so it is not the network of Table 3, "
        "and it does not accept images of 513x513.",
        agreement(audit([own for own, _ in pairs])),
    ]
    caption = f"smp's own DeepLabV3+ at 512x512. {in_words(convention)}"
    columns = smp_columns(convention)
    return Table(smp_table(pairs, convention), columns, "psa_table_3_smp", caption, notes)


def ablation_chapter(convention: Convention) -> Chapter:
    """A substitute for Table 6, with a plot of it in MACs."""
    counts = ablation_counts()
    notes = [
        "The paper's own ablation was not available; this is the cost of every block.",
        "As published, the note's blocks weight and sum element by element, which is not "
        "counted as MACs; as run, they use matrix products, which are.",
        "SimAM adds neither parameters nor MACs: it is not in the plot, whose axes are "
        "logarithmic.",
        agreement(audit(counts)),
    ]
    caption = (
        "In place of the paper's Table 6: every block after the 3x3 of every Bottleneck of "
        f"ResNet-50 (Simple-Baseline, 384x288). {in_words(convention)}"
    )
    table, columns = ablation_table(counts, convention), added_cost_columns(convention)
    figure = plots.added_cost(ablation_table(counts, CONVENTIONS["macs"]))
    picture = Picture("psa_cost", "added MACs against added parameters", figure)
    costs = Table(table, columns, "psa_table_6", caption, notes)
    return Chapter("Table 6: the cost of every block", [costs, picture])


def accuracy_chapter() -> Chapter:
    """The accuracies that the paper prints, and the reasons not to compare them."""
    return Chapter("Accuracies, as printed", [*accuracy_tables()])


def accuracy_tables() -> Iterator[Table]:
    for table, title in TITLES.items():
        numbers, name = accuracy_table(table), f"psa_table_{table}_accuracy"
        caption = f"The paper's Table {table}, accuracy: {title}"
        yield Table(numbers, accuracy_columns(numbers), name, caption, warnings(table))
