"""The page: a picture and a table of all studies, then what each found."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from reports import plots, probe_section
from reports.completeness import plural
from reports.finding_words import listed
from reports.findings import findings
from reports.overview.against import against_others, against_table
from reports.overview.claims import SUBJECT, claims
from reports.overview.outcome import Outcome, Studied
from reports.overview.question import question_of
from reports.overview.table import overview_table
from reports.overview.times import how_to_read, read_times
from reports.page import Heading, Page, Part, Picture, Strong, Text
from reports.plots.overview import Panel
from reports.provenance import provenance
from reports.reading import problem_parts
from reports.section import describe
from reports.tables import block_order
from reports.units import label, spoken

PANELS = 4  # of a picture, at most
TITLE = "Which block helps, where, and at what price"
HOW_TO_READ = (
    "A probe counts the runs that solve it, with Clopper and Pearson's 95 % interval and "
    "Fisher's exact test against the baseline. Elsewhere a gain is the mIoU minus that of "
    "the network without a block with the same seed, in points, averaged over seeds or, "
    "where there are several settings, over settings; its interval is Student's t, its "
    "test the exact sign-flip test. p (Holm) is corrected for all blocks of the study; a "
    "filled mark has one below 5 %. A control, a plain bottleneck of a block's cost, is "
    "tested against its block and has no p here. What is added in parameters and "
    "multiply-adds is that of the last study."
)


def findings_page(
    studies: Sequence[Studied], sweeps: Path, times: Path | None = None
) -> Page:
    """times: the CSV file of `ablate bench-model`. Raises InputError for another file."""
    measured = read_times(times) if times else None
    parts: list[Part] = [
        Text(ran(studies)),
        *overview_pictures(studies),
        overview_table(studies, "findings", measured),
        Text(HOW_TO_READ),
        *([Text(how_to_read(times))] if times else []),
    ]
    for study in studies:
        parts += study_parts(study, sweeps)
    plain = [study for study in studies if not study.is_probe]
    families = {study.name: against_others(study, SUBJECT) for study in plain}
    if said := claims(studies, families):
        table = against_table(families, SUBJECT, "findings-psa")
        parts += [Heading("Beside what the PSA paper claims"), *said]
        if table is not None:
            parts += [Text(f"{label(SUBJECT)} against each other block:"), table]
    records = [record for study in studies for record in study.records]
    parts += [Heading("Where this ran"), provenance(records)]
    return Page(TITLE, parts)


def ran(studies: Sequence[Studied]) -> str:
    """How much was trained; a run that several studies share counts once."""
    every = (record for study in studies for record in study.records)
    records = [*{record.config.run_id: record for record in every}.values()]
    seconds = sum(record.compute_seconds or record.train_seconds for record in records)
    runs, hours = plural(len(records), "run"), f"{seconds / 3600:.1f}"
    number = "1 study" if len(studies) == 1 else f"{len(studies)} studies"
    return f"{number}, {runs}, {hours} hours of training steps."


def study_parts(study: Studied, sweeps: Path) -> list[Part]:
    question = question_of(study.name, sweeps)
    asked = [Text(Strong("Question:"), f" {question}")] if question else []
    names = [describe(one.setting) for one in study.compared]
    return [
        Heading(study.name),
        *asked,
        *rates_chosen(study),
        *findings(study.compared, []),
        *probe_section.findings(study.compared, names),
        *problem_parts(study.reading),
    ]


def rates_chosen(study: Studied) -> list[Part]:
    """Which blocks have which rate, if it was searched."""
    blocks: dict[float, list[str]] = {}
    for block, rate in study.rates.items():
        blocks.setdefault(rate, []).append(spoken(block))
    if not blocks:
        return []
    lines = [f"{rate:g} for {listed(blocks[rate])}" for rate in sorted(blocks)]
    return [
        Text(
            "Each block is at its own learning rate, that of the best mean validation mIoU "
            f"among {len({r.config.lr for r in study.records})}: {'; '.join(lines)}."
        )
    ]


def overview_pictures(studies: Sequence[Studied]) -> list[Part]:
    """As many panels side by side as a reader can see; a row for each block in them."""
    shown = [study for study in studies if study.outcomes]
    rows = [shown[i : i + PANELS] for i in range(0, len(shown), PANELS)]
    return [
        Picture(
            "findings" if number == 1 else f"findings-{number}",
            f"every block in {listed([study.name for study in some])}",
            plots.overview(
                block_order(block for study in some for block in study.outcomes),
                [panel(study) for study in some],
            ),
        )
        for number, some in enumerate(rows, start=1)
    ]


def panel(study: Studied) -> Panel:
    values = {block: (*scaled(one), one.p) for block, one in study.outcomes.items()}
    if study.is_probe:
        return Panel(study.name, "runs that solve it (%)", values)
    return Panel(study.name, "gain in mIoU (points)", values, zero=0)


def scaled(one: Outcome) -> tuple[float, float, float]:
    """In percent."""
    low, high = (100 * v if isfinite(v) else float("nan") for v in (one.low, one.high))
    return 100 * one.value, low, high
