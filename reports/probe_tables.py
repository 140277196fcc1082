"""The outcomes of a probe: how many runs solved it, and what every seed carried.

Outcomes are all or nothing, so a mean over seeds describes no run.
"""

from collections.abc import Iterable, Sequence
from math import inf
from statistics import median_low
from typing import Any

from pandas import DataFrame

from ablations.records import RunRecord
from reports.columns import BLOCK
from reports.comparison import Comparison
from reports.counts import Solved, exact_interval, fisher_p
from reports.page import WIDE, Column, Table
from reports.paper_table import for_paper
from reports.statistics import holm
from reports.tables import block_names, block_order
from reports.units import count, percent, probability, ratio, share, up_to, whole_percent

SOLVED = 0.9  # information, 2 x accuracy - 1: 19 of 20 pixels have the right state


def is_probe(comparison: Comparison) -> bool:
    """Whether every run states the information that it carried."""
    records = comparison.records
    return bool(records) and all(record.information is not None for record in records)


def runs_by_block(records: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """In the order of a report, the baseline first, each in the order of seeds."""
    names = block_names(records)
    runs: dict[str, list[RunRecord]] = {name: [] for name in block_order(names)}
    for name, record in zip(names, records, strict=True):
        runs[name].append(record)
    return {
        name: sorted(group, key=lambda record: record.config.seed)
        for name, group in runs.items()
    }


def solved_by_block(records: Sequence[RunRecord]) -> dict[str, Solved]:
    return {
        block: Solved(sum(map(is_solved, runs)), len(runs))
        for block, runs in runs_by_block(records).items()
    }


def is_solved(record: RunRecord) -> bool:
    return record.information is not None and record.information >= SOLVED


def steps_until_solved(record: RunRecord) -> float:
    """The first validation at which the probe was solved; infinity if none was."""
    steps = [
        point["step"]
        for point in record.curve
        if point.get("val_information", -1) >= SOLVED
    ]
    return min(steps, default=inf)


def fisher_by_block(solved: dict[str, Solved]) -> dict[str, float]:
    """The p of each block against the baseline, not adjusted."""
    blocks = [block for block in solved if block != "none"]
    return {block: fisher_p(solved[block], solved["none"]) for block in blocks}


def adjusted(values: dict[Any, float]) -> dict[Any, float]:
    """Holm's adjustment for all that is in the dictionary."""
    return dict(zip(values, holm([*values.values()]), strict=True))


def outcomes(comparison: Comparison) -> DataFrame:
    """One row per block, baseline first.

    solved, seeds    runs with an information of at least SOLVED, and all runs
    low, high        exact 95 % interval of the chance to solve the probe
    p, p_holm        Fisher's exact test against the baseline; adjusted for all blocks
    median_steps     until solved, the lower one of two; infinity if that run never did

    and the columns miou, params, macs of block_comparison. The median is Kaplan and
    Meier's, since all runs end at the same step.
    """
    solved = solved_by_block(comparison.records)
    single = fisher_by_block(solved)
    family = adjusted(single)
    rows = [
        {
            "block": block,
            "solved": solved[block].solved,
            "seeds": solved[block].runs,
            **dict(zip(("low", "high"), exact_interval(solved[block]), strict=True)),
            "p": single.get(block, float("nan")),
            "p_holm": family.get(block, float("nan")),
            "median_steps": median_low(map(steps_until_solved, runs)),
        }
        for block, runs in runs_by_block(comparison.records).items()
    ]
    costs = ["block", "miou", "params", "added_params_share", "macs", "added_macs_share"]
    return DataFrame(rows).merge(comparison.numbers[costs], on="block", validate="1:1")


def outcome_table(comparison: Comparison, name: str = "") -> Table:
    last = comparison.records[0].config.max_steps
    columns = [
        BLOCK,
        Column("solved", "runs", count, group="Solved"),
        Column("seeds", "of", count, group="Solved"),
        Column("low", "from (%)", whole_percent, group="95 %", rank=2),
        Column("high", "to", whole_percent, group="95 %", rank=2),
        Column("p", "p", probability, rank=1),
        Column("p_holm", "p (Holm)", probability),
        Column("median_steps", "Median steps", up_to(last), rank=1),
        Column("added_params_share", "Params added", share, rank=3),
        Column("added_macs_share", "MACs added", share, rank=3),
        Column("miou", "Mean mIoU (%)", percent, rank=WIDE),
    ]
    return for_paper(Table(outcomes(comparison), columns, name), comparison)


def seeds(records: Iterable[RunRecord]) -> list[int]:
    return sorted({record.config.seed for record in records})


def seed_table(comparison: Comparison, name: str = "") -> Table:
    """The information of every run, and the steps until it solved the probe."""
    rows = [
        {"block": block}
        | {f"information_{r.config.seed}": r.information for r in runs}
        | {f"steps_{r.config.seed}": steps_until_solved(r) for r in runs}
        for block, runs in runs_by_block(comparison.records).items()
    ]
    last, numbers = comparison.records[0].config.max_steps, seeds(comparison.records)
    carried, took = "Information, seed", "Steps until solved, seed"
    columns = [
        BLOCK,
        *(Column(f"information_{n}", str(n), ratio, group=carried) for n in numbers),
        *(Column(f"steps_{n}", str(n), up_to(last), group=took, rank=1) for n in numbers),
    ]
    return Table(DataFrame(rows), columns, name)
