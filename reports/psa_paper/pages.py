"""The reproduction as files: one table each, a figure, and a page that sums them up."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from ablations.complexity.audit import audit
from ablations.complexity.conventions import CONVENTIONS, Convention
from ablations.complexity.subjects import counts_of_blocks
from reports import plots
from reports.columns import added_cost_columns
from reports.cost_notes import agreement, in_words
from reports.psa_paper.caveats import warnings
from reports.psa_paper.columns import (
    GROWTH,
    JUDGED,
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
    counted,
    judged_table,
    smp_counts,
    smp_table,
    verdicts,
)
from reports.psa_paper.verdicts import Judged, judge_table
from reports.render import write_text
from reports.sheets import Sheet, write_sheet

TITLES = {
    2: "Top-down pose, COCO val2017",
    3: "Semantic segmentation, Pascal VOC 2012",
    4: "Top-down pose, captioned COCO test-dev",
    5: "Semantic segmentation, Cityscapes val",
}
HEAD = """\
# The complexity comparison of the PSA paper, counted anew

Every figure here comes from `ablate reproduce psa`, from code alone. "Paper" columns are
the cells of [arXiv 2107.00782](https://arxiv.org/abs/2107.00782) as printed; nothing is
trained. What a row's network was, and how its authors counted, is not in the paper: the
network that gives the printed figures is named with what else was tried.
"""

PARTS = 6  # that count_parts yields


class Part(NamedTuple):
    """A chapter of the page."""

    sheets: Sequence[Sheet]
    judged: Sequence[Judged] = ()
    figure: tuple[str, str, Figure] | None = None  # name, what it shows, picture


def count_parts(convention: Convention | None) -> Iterator[Part]:
    """Every table and the figure, in the order of the page, each when it is counted.

    FLOPs are under the convention; if there is none, under each table's own.
    """
    yield growth_part()
    for table, name in CONVENTION_OF_TABLE.items():
        yield judged_part(table, convention or CONVENTIONS[name])
    yield ablation_part(convention or CONVENTIONS["macs"])
    yield Part([*accuracy_sheets()])


def summary_sheet(parts: Iterable[Part]) -> Sheet:
    """What was found of the paper's figures."""
    return Sheet(
        "psa_verdicts",
        verdicts(cell for part in parts for cell in part.judged),
        VERDICT_COUNTS,
        "FLOPs and parameter cells of the paper, by what was found of each",
    )


def write_page(parts: Sequence[Part], out: Path) -> Path:
    """Write every table, the figure and psa.md, which holds them all; return its path."""
    texts = [HEAD, write_sheet(summary_sheet(parts), out)]
    for part in parts:
        texts += [write_sheet(sheet, out) for sheet in part.sheets]
        if part.figure:
            name, what, figure = part.figure
            plots.save(figure, out, name)
            texts.append(f"![{what}]({name}.svg)\n")
    write_text(out / "psa.md", "\n".join(texts))
    return out / "psa.md"


def growth_part() -> Part:
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
    return Part([Sheet("psa_table_1", table_1(), GROWTH, caption, notes)])


def judged_part(table: int, convention: Convention) -> Part:
    """Table 2, 3 or 4."""
    judged = list(judge_table(table, convention))
    caption = (
        f"The paper's Table {table}: {TITLES[table]}. FLOPs (G) are {in_words(convention)}"
    )
    notes = [agreement(audit(counted(table)))]
    sheets = [Sheet(f"psa_table_{table}", judged_table(judged), JUDGED, caption, notes)]
    sheets += [smp_sheet(convention)] if table == 3 else []
    return Part(sheets, judged)


def smp_sheet(convention: Convention) -> Sheet:
    """Beside Table 3: the network that bears the same name in smp."""
    pairs = smp_counts()
    notes = [
        "smp's decoder has separable convolutions: it is another network than Table 3's, "
        "and takes no image of 513x513.",
        agreement(audit([own for own, _ in pairs])),
    ]
    caption = f"smp's own DeepLabV3+ at 512x512. {in_words(convention)}"
    columns = smp_columns(convention)
    return Sheet("psa_table_3_smp", smp_table(pairs, convention), columns, caption, notes)


def ablation_part(convention: Convention) -> Part:
    """In place of Table 6, with a figure of it in MACs."""
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
    return Part(
        [Sheet("psa_table_6", table, columns, caption, notes)],
        figure=("psa_cost", "added MACs against added parameters", figure),
    )


def accuracy_sheets() -> Iterator[Sheet]:
    """What the paper prints of accuracy, with what speaks against comparing it."""
    for table, title in TITLES.items():
        numbers, caption = (
            accuracy_table(table),
            f"The paper's Table {table}, accuracy: {title}",
        )
        columns, name = accuracy_columns(numbers), f"psa_table_{table}_accuracy"
        yield Sheet(name, numbers, columns, caption, warnings(table))
