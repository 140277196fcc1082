"""The reproduction as files: one table each, a figure, and a page that sums them up."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ablations.complexity.audit import audit
from ablations.complexity.conventions import CONVENTIONS, Convention
from ablations.complexity.costs import counts_of_blocks
from reports import plots
from reports.columns import added_cost_columns
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
from reports.psa_paper.judged import Judged, judge_table
from reports.psa_paper.like_for_like import warnings
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
from reports.render import write_table, write_text

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

PAGES = 6  # that write_pages yields


def write_pages(out: Path, convention: Convention | None) -> Iterator[str]:
    """Write every table, the figure and psa.md below out; yield each page, psa.md last.

    FLOPs are under the convention; where there is none, under each table's own.
    """
    judged: list[Judged] = []
    pages = [growth_page(out)]
    yield pages[-1]
    for table, name in CONVENTION_OF_TABLE.items():
        own = convention or CONVENTIONS[name]
        found = list(judge_table(table, own))
        judged += found
        pages.append(judged_page(table, found, own, out))
        yield pages[-1]
    pages.append(ablation_page(convention or CONVENTIONS["macs"], out))
    yield pages[-1]
    summary = write_table(
        verdicts(judged),
        VERDICT_COUNTS,
        out,
        "psa_verdicts",
        "FLOPs and parameter cells of the paper, by what was found of each",
    )
    page = "\n".join([HEAD, summary, *pages, *accuracy_pages(out)])
    write_text(out / "psa.md", page)
    yield page


def growth_page(out: Path) -> str:
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
        audit(counts_of_blocks(blocks, FIXED_CHANNELS, (FIXED_SIDE,) * 2)).sentence(),
    ]
    caption = (
        "The paper's Table 1: internal resolution, non-linearity and growth of each block"
    )
    return write_table(table_1(), GROWTH, out, "psa_table_1", caption, notes)


def judged_page(
    table: int, judged: Sequence[Judged], convention: Convention, out: Path
) -> str:
    """Table 2, 3 or 4."""
    notes = [audit(counted(table)).sentence()]
    caption = (
        f"The paper's Table {table}: {TITLES[table]}. FLOPs (G) are {convention.caption()}"
    )
    name = f"psa_table_{table}"
    page = write_table(judged_table(judged), JUDGED, out, name, caption, notes)
    return page + (smp_page(convention, out) if table == 3 else "")


def smp_page(convention: Convention, out: Path) -> str:
    """Beside Table 3: the network that bears the same name in smp."""
    notes = [
        "smp's decoder has separable convolutions: it is another network than Table 3's, "
        "and takes no image of 513x513.",
        audit([own for own, _ in smp_counts()]).sentence(),
    ]
    caption = f"smp's own DeepLabV3+ at 512x512. {convention.caption()}"
    columns = smp_columns(convention)
    return "\n" + write_table(
        smp_table(convention), columns, out, "psa_table_3_smp", caption, notes
    )


def ablation_page(convention: Convention, out: Path) -> str:
    """In place of Table 6, with a figure of it in MACs."""
    notes = [
        "The paper's own ablation was not to be had; this is the cost of every block.",
        "The note's blocks weigh and sum by element as published, which is no MAC; as run "
        "they do so in matrix products, which are.",
        audit(ablation_counts()).sentence(),
    ]
    caption = (
        "In place of the paper's Table 6: every block after the 3x3 of every Bottleneck of "
        f"ResNet-50 (Simple-Baseline, 384x288). {convention.caption()}"
    )
    figure = plots.added_cost(ablation_table(CONVENTIONS["macs"]))
    plots.save(figure, out, "psa_cost")
    page = write_table(
        ablation_table(convention),
        added_cost_columns(convention),
        out,
        "psa_table_6",
        caption,
        notes,
    )
    return f"{page}\n![added MACs against added parameters](psa_cost.svg)\n"


def accuracy_pages(out: Path) -> Iterator[str]:
    """What the paper prints of accuracy, with what speaks against comparing it."""
    for table, title in TITLES.items():
        numbers, caption = (
            accuracy_table(table),
            f"The paper's Table {table}, accuracy: {title}",
        )
        columns, name = accuracy_columns(numbers), f"psa_table_{table}_accuracy"
        yield write_table(numbers, columns, out, name, caption, warnings(table))
