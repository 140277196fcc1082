"""What blocks cost: tables, polynomials, crossovers, and whether the counters agree."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from ablations.attention.base import EVALUATIONS, Evaluation
from ablations.bare_models import BareModel
from ablations.blocks import label_of
from ablations.complexity.audit import audit, whole_costs_the_sum
from ablations.complexity.conventions import Convention
from ablations.complexity.growth import (
    Growth,
    bare_growth,
    growth_in_model,
    growth_of_blocks,
)
from ablations.complexity.subjects import (
    Counts,
    ModelCounts,
    Setting,
    counts_of_blocks,
    counts_of_models,
)
from ablations.errors import InputError
from reports.columns import (
    CROSSOVERS,
    GROWTH,
    added_cost_columns,
    cost_columns,
    survey_columns,
)
from reports.cost_notes import agreement, in_words
from reports.cost_tables import cost_table, survey, that_fit, with_added
from reports.growth_tables import crossovers, growth_table
from reports.page import Page, Table, Text

SAMPLE, SIDE = 5, (128, 128)  # how many models --all also counts whole, and at what size


def blocks_page(
    names: Sequence[str], channels: int, size: tuple[int, int], convention: Convention
) -> Page:
    """The cost of blocks alone."""
    counts = counts_of_blocks(names, channels, size)
    table = cost_table(counts, convention)
    counts = that_fit(counts, table)
    costs = Table(
        fitting(table),
        cost_columns(convention),
        "cost",
        f"One image, on {channels} channels of {size[0]}x{size[1]}. "
        f"{in_words(convention)}.",
        [agreement(audit(counts)), *table["problem"].dropna()],
    )
    names = unique(counts)
    growths: dict[Evaluation, Growth] = {
        evaluation: growth_of_blocks(names, channels, evaluation, size)
        for evaluation in EVALUATIONS
    }
    formula = f"MACs of a block on {channels} channels: a + b N + c N^2, N = H W positions"
    parts = [costs, *growth_tables(growths, counts, formula)]
    return Page("What attention blocks cost", parts)


def model_page(names: Sequence[str], setting: Setting, convention: Convention) -> Page:
    """The cost of a model with each block."""
    counts = counts_of_models(names, setting)
    bare, placement, (height, width) = setting
    where = f"{bare.model}, {bare.encoder}, {placement}, {height}x{width}"
    table = cost_table(counts, convention)
    counts = that_fit(counts, table)
    costs = Table(
        with_added(fitting(table, besides=["none"])),
        added_cost_columns(convention),
        "cost",
        f"One image, {where}. {in_words(convention)}.",
        [agreement(audit(counts)), *table["problem"].dropna()],
    )
    names = unique(counts)
    growths: dict[Evaluation, Growth] = {
        evaluation: growth_in_model(names, setting, evaluation)
        for evaluation in EVALUATIONS
    }
    formula = "MACs that a block adds: a + b N + c N^2, N = H W pixels of the image. "
    parts = [costs, *growth_tables(growths, counts, formula + bare_line(bare))]
    return Page("What attention blocks cost in a model", parts)


def fitting(table: pd.DataFrame, besides: Sequence[str] = ()) -> pd.DataFrame:
    """The rows without a problem; raises InputError if none of the blocks fits."""
    fits = table["problem"].isna()
    blocks = ~table["block"].isin(besides)
    if not (fits & blocks).any() and not fits.all():
        raise InputError(table.loc[~fits, "problem"].iloc[0])
    return table[fits].drop(columns="problem").reset_index(drop=True)


def unique(counts: Iterable[Counts]) -> list[str]:
    return list(dict.fromkeys(one.block for one in counts))


def bare_line(bare: BareModel) -> str:
    """The bare model's own polynomial, in words."""
    growth = bare_growth(bare)
    if growth is None:
        return f"The MACs of {bare.model} itself are not such a polynomial"
    step, macs = growth
    terms = f"{float(macs.constant):.6g} + {float(macs.linear):.6g} N"
    if macs.quadratic:
        terms += f" + {float(macs.quadratic):.6g} N^2"
    return f"The bare model's are {terms}, for sides that are multiples of {step}"


def growth_tables(
    growths: Mapping[Evaluation, Growth], counts: Iterable[Counts], formula: str
) -> Iterable[Table]:
    """The polynomials, and the sizes from which one block costs more than another."""
    counts = list(counts)
    table = growth_table(growths, counts)
    if len(table):
        yield Table(table, GROWTH, "cost-growth", formula, left_out(table, counts))
    crossings = crossovers(growths)
    if len(crossings):
        caption = (
            "MACs: side of a square image above which one block costs more than another"
        )
        yield Table(crossings, CROSSOVERS, "cost-crossovers", caption)


def left_out(table: pd.DataFrame, counts: Iterable[Counts]) -> list[str]:
    """A sentence on the blocks whose costs are not polynomials of N, if there are any."""
    missing = {one.block for one in counts} - {"none", *table["block"]}
    names = ", ".join(label_of(name) for name in sorted(missing))
    return [f"Not such a polynomial, and so not here: {names}."] if names else []


def survey_table(
    names: Sequence[str], settings: Iterable[Setting], convention: Convention
) -> Table:
    """The cost of every block in every setting."""
    tables, counts = [], []
    for table, counts_behind_it in survey(names, settings, convention):
        tables.append(table)
        counts += counts_behind_it
    return Table(
        pd.concat(tables, ignore_index=True),
        survey_columns(convention),
        "cost-all",
        f"Every block in every model, one image. {in_words(convention)}.",
        [agreement(audit(counts)), sample_sentence(counts)],
    )


def survey_page(table: Table) -> Page:
    """A summary of a table of thousands of rows: its length, misfits and notes."""
    misfits = table.numbers["problem"].dropna()
    head = f"{len(table.numbers)} rows, {len(misfits)} of them for blocks that do not fit"
    lines = [head, *table.notes, *sorted(set(misfits))]
    return Page("What attention blocks cost in many models", [Text(line) for line in lines])


def sample_sentence(counts: Sequence[ModelCounts]) -> str:
    """Check costs that were added up from parts against models counted as a whole."""
    sample = random.Random(0).sample(counts, min(SAMPLE, len(counts)))  # noqa: S311
    wrong = [
        f"{one.setting.bare.model}, {one.setting.bare.encoder}, {one.block} "
        f"({one.evaluation})"
        for one in sample
        if not whole_costs_the_sum(replace(one, setting=one.setting._replace(size=SIDE)))
    ]
    sentence = (
        f"A sample of {len(sample)} models was counted whole at {SIDE[0]}x{SIDE[1]}: "
    )
    return sentence + (f"NOT EQUAL: {'; '.join(wrong)}." if wrong else "equal.")
