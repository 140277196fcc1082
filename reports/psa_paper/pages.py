"""The reproduction as a page: one chapter for each table of the paper."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from ablations.complexity.audit import audit
from ablations.complexity.conventions import CONVENTIONS, Convention
from ablations.complexity.subjects import counts_of_blocks
from reports import plots
from reports.columns import added_cost_columns
from reports.cost_notes import agreement, in_words
from reports.page import Code, Link, Page, Part, Picture, Table, Text
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
TITLE = "The complexity comparison of the PSA paper, counted anew"
HEAD = Text(
    "Every figure here comes from ",
    Code("ablate reproduce psa"),
    ', from code alone. "Paper" columns are the cells of ',
    Link("arXiv 2107.00782", "https://arxiv.org/abs/2107.00782"),
    " as printed; nothing is trained. What a row's network was, and how its authors "
    "counted, is not in the paper: the network that gives the printed figures is named "
    "with what else was tried.",
)


class Chapter(NamedTuple):
    """What belongs to one table of the paper."""

    parts: Sequence[Part]
    cells: Sequence[JudgedCell] = ()


def chapters(convention: Convention | None) -> list[Callable[[], Chapter]]:
    """In the order of the page; each is counted when it is called.

    FLOPs are under the convention; if there is none, under each table's own.
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
    parts = [part for chapter in contents for part in chapter.parts]
    return Page(TITLE, [HEAD, verdict_table(contents), *parts])


def verdict_table(contents: Iterable[Chapter]) -> Table:
    """How many of the paper's cells have which verdict."""
    return Table(
        verdicts(cell for chapter in contents for cell in chapter.cells),
        VERDICT_COUNTS,
        "psa_verdicts",
        "FLOPs and parameter cells of the paper, by what was found of each",
    )


def growth_chapter() -> Chapter:
    """Table 1."""
    blocks = [block for names in BLOCKS_OF_ROW.values() for block in names]
    positions = f"H = W from {SIDES[0]} to {SIDES[-1]} at C = {FIXED_CHANNELS}"
    channels = f"C from {CHANNELS[0]} to {CHANNELS[-1]} at H = W = {FIXED_SIDE}"
    notes = [
        f"Exponents are fitted on counts of MACs, {positions} and {channels}; N = HW. A "
        "term lies beyond the printed O(.) where it outgrows it for some C < N, as the "
        "paper assumes. Direct is as published, fast the same function as run here.",
        "Pooling, softmax and products by element are no MACs: what SE, GC and CBAM do at "
        "each position is little else. NL and DA are charged for their 1x1 convolutions by "
        "the paper; PSA and EA are not, and the C^2 N is theirs.",
        agreement(audit(counts_of_blocks(blocks, FIXED_CHANNELS, (FIXED_SIDE,) * 2))),
    ]
    caption = (
        "The paper's Table 1: internal resolution, non-linearity and growth of each block"
    )
    return Chapter([Table(table_1(), CLAIMED_GROWTH, "psa_table_1", caption, notes)])


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
    return Chapter(tables, cells)


def smp_comparison(convention: Convention) -> Table:
    """Beside Table 3: the network that bears the same name in smp."""
    pairs = smp_counts()
    notes = [
        "smp's decoder has separable convolutions: it is another network than Table 3's, "
        "and takes no image of 513x513.",
        agreement(audit([own for own, _ in pairs])),
    ]
    caption = f"smp's own DeepLabV3+ at 512x512. {in_words(convention)}"
    columns = smp_columns(convention)
    return Table(smp_table(pairs, convention), columns, "psa_table_3_smp", caption, notes)


def ablation_chapter(convention: Convention) -> Chapter:
    """In place of Table 6, with a picture of it in MACs."""
    counts = ablation_counts()
    notes = [
        "The paper's own ablation was not to be had; this is the cost of every block.",
        "The note's blocks weigh and sum by element as published, which is no MAC; as run "
        "they do so in matrix products, which are.",
        agreement(audit(counts)),
    ]
    caption = (
        "In place of the paper's Table 6: every block after the 3x3 of every Bottleneck of "
        f"ResNet-50 (Simple-Baseline, 384x288). {in_words(convention)}"
    )
    table, columns = ablation_table(counts, convention), added_cost_columns(convention)
    figure = plots.added_cost(ablation_table(counts, CONVENTIONS["macs"]))
    picture = Picture("psa_cost", "added MACs against added parameters", figure)
    return Chapter([Table(table, columns, "psa_table_6", caption, notes), picture])


def accuracy_chapter() -> Chapter:
    """What the paper prints of accuracy, with what speaks against comparing it."""
    return Chapter([*accuracy_tables()])


def accuracy_tables() -> Iterator[Table]:
    for table, title in TITLES.items():
        numbers, name = accuracy_table(table), f"psa_table_{table}_accuracy"
        caption = f"The paper's Table {table}, accuracy: {title}"
        yield Table(numbers, accuracy_columns(numbers), name, caption, warnings(table))
