"""What blocks cost, as pages: tables, polynomials, crossovers, and the counters' word."""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ablations.attention.base import EVALUATIONS, Evaluation
from ablations.complexity.audit import audit
from ablations.complexity.composition import Setting
from ablations.complexity.conventions import Convention
from ablations.complexity.costs import (
    cost_table,
    counts_of_blocks,
    counts_of_models,
    survey,
    that_fit,
    whole_costs_the_sum,
    with_added,
)
from ablations.complexity.counts import Counts, ModelCounts
from ablations.complexity.crossover import (
    Growth,
    bare_growth,
    crossovers,
    growth_in_model,
    growth_of_blocks,
    growth_table,
)
from ablations.errors import InputError
from reports.columns import (
    CROSSOVERS,
    GROWTH,
    added_cost_columns,
    cost_columns,
    survey_columns,
)
from reports.render import write_table

SAMPLE, SIDE = 5, (128, 128)  # models that --all counts whole, and at which size


def blocks_page(
    names: Sequence[str],
    channels: int,
    size: tuple[int, int],
    convention: Convention,
    out: Path,
) -> str:
    """Of blocks alone; files are written below out."""
    counts = counts_of_blocks(names, channels, size)
    where = f"on {channels} channels of {size[0]}x{size[1]}"
    table = cost_table(counts, convention)
    counts = that_fit(counts, table)
    page = write_table(
        fitting(table),
        cost_columns(convention),
        out,
        "cost",
        f"One image, {where}. {convention.caption()}.",
        [audit(counts).sentence(), *table["problem"].dropna()],
    )
    names = unique(counts)
    growths: dict[Evaluation, Growth] = {
        evaluation: growth_of_blocks(names, channels, evaluation, size)
        for evaluation in EVALUATIONS
    }
    formula = f"MACs of a block on {channels} channels: a + b N + c N^2, N = H W positions"
    return "\n".join([page, *growth_pages(growths, counts, formula, out)])


def model_page(
    names: Sequence[str], setting: Setting, convention: Convention, out: Path
) -> str:
    """Of a model with each block; files are written below out."""
    counts = counts_of_models(names, setting)
    height, width = setting.size
    where = f"{setting.model}, {setting.encoder}, {setting.placement}, {height}x{width}"
    table = cost_table(counts, convention)
    counts = that_fit(counts, table)
    page = write_table(
        with_added(fitting(table, besides=["none"])),
        added_cost_columns(convention),
        out,
        "cost",
        f"One image, {where}. {convention.caption()}.",
        [audit(counts).sentence(), *table["problem"].dropna()],
    )
    names = unique(counts)
    growths: dict[Evaluation, Growth] = {
        evaluation: growth_in_model(names, setting, evaluation)
        for evaluation in EVALUATIONS
    }
    formula = "MACs that a block adds: a + b N + c N^2, N = H W pixels of the image. "
    formula += bare_line(setting)
    return "\n".join([page, *growth_pages(growths, counts, formula, out)])


def fitting(table: pd.DataFrame, besides: Sequence[str] = ()) -> pd.DataFrame:
    """The rows without a problem; InputError if a problem is all that was asked for."""
    fits = table["problem"].isna()
    asked = ~table["block"].isin(besides)
    if not (fits & asked).any() and not fits.all():
        raise InputError(table.loc[~fits, "problem"].iloc[0])
    return table[fits].drop(columns="problem").reset_index(drop=True)


def unique(counts: Iterable[Counts]) -> list[str]:
    return list(dict.fromkeys(one.block for one in counts))


def bare_line(setting: Setting) -> str:
    """The bare model's own polynomial, in words."""
    found = bare_growth(setting)
    if found is None:
        return f"Of {setting.model} itself they are no such polynomial"
    step, macs = found
    terms = f"{float(macs.constant):.6g} + {float(macs.linear):.6g} N"
    if macs.quadratic:
        terms += f" + {float(macs.quadratic):.6g} N^2"
    return f"The bare model's are {terms}, for sides that are multiples of {step}"


def growth_pages(
    growths: Mapping[Evaluation, Growth],
    counts: Iterable[Counts],
    formula: str,
    out: Path,
) -> Iterable[str]:
    """The polynomials, and the squares from which one block costs more than another."""
    table = growth_table(growths, counts)
    if len(table):
        yield write_table(table, GROWTH, out, "cost-growth", formula)
    crossings = crossovers(growths)
    if len(crossings):
        caption = "MACs: from which side of a square on a block costs more than another"
        yield write_table(crossings, CROSSOVERS, out, "cost-crossovers", caption)


def survey_page(
    names: Sequence[str], settings: Iterable[Setting], convention: Convention, out: Path
) -> str:
    """Of every block in every setting; the table is long, so its place is returned."""
    tables, counts = [], []
    for table, counted in survey(names, settings, convention):
        tables.append(table)
        counts += counted
    whole = pd.concat(tables, ignore_index=True)
    notes = [audit(counts).sentence(), sample_sentence(counts)]
    write_table(
        whole,
        survey_columns(convention),
        out,
        "cost-all",
        f"Every block in every model, one image. {convention.caption()}.",
        notes,
    )
    misfits = whole["problem"].dropna()
    lines = [f"{len(whole)} rows, {len(misfits)} of blocks that do not fit", *notes]
    lines += sorted(set(misfits))
    return "\n".join([*lines, str(out / "cost-all.md")])


def sample_sentence(counts: Sequence[ModelCounts]) -> str:
    """Costs were added up from parts; here some models are counted as a whole."""
    sample = random.Random(0).sample(counts, min(SAMPLE, len(counts)))  # noqa: S311
    wrong = [
        f"{one.setting.model}, {one.setting.encoder}, {one.block} ({one.evaluation})"
        for one in sample
        if not whole_costs_the_sum(
            one.block, one.setting._replace(size=SIDE), one.evaluation
        )
    ]
    sentence = (
        f"A sample of {len(sample)} models was counted whole at {SIDE[0]}x{SIDE[1]}: "
    )
    return sentence + (f"NOT EQUAL: {'; '.join(wrong)}." if wrong else "equal.")
