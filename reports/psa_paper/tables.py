"""The tables of the reproduction, as numbers and printed text."""

from collections import Counter
from collections.abc import Iterable
from typing import get_args

from pandas import DataFrame

from ablations.attention import BLOCKS
from ablations.bare_models import BareModel
from ablations.complexity.conventions import Convention
from ablations.complexity.subjects import ModelCounts, Setting, counts_of_models
from reports.cost_tables import cost_table, with_added
from reports.psa_paper.caveats import accuracies
from reports.psa_paper.networks import ROWS, UndeterminedRow, Variant, deeplab
from reports.psa_paper.printed import printed_rows, printed_table
from reports.psa_paper.rounding import number
from reports.psa_paper.verdicts import JudgedCell, Verdict

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
SIMPLE_BASELINE = BareModel("paper_simple_baseline_heatmaps", "resnet50", 17)
ABLATION = Setting(SIMPLE_BASELINE, "residual", (384, 288))


def cell_table(cells: Iterable[JudgedCell]) -> DataFrame:
    """One row per cell: printed as in the paper, ours in the same unit, deviation."""
    rows = []
    for cell in cells:
        row, printed = printed_rows()[cell.row], float(number(cell.printed))
        ours = None if cell.ours is None else float(cell.ours)
        rows.append(
            {
                "row": cell.row[1],
                "network": row.name,
                "size": row.size,
                "metric": {"Flops": "FLOPs", "mPara": "Params"}[cell.metric],
                "printed": cell.printed,
                "ours": ours,
                "deviation": None if ours is None else ours / printed - 1,
                "verdict": cell.verdict,
                "reason": cell.reason,
            }
        )
    return DataFrame(rows).astype({"ours": float, "deviation": float})


def verdicts(cells: Iterable[JudgedCell]) -> DataFrame:
    """Cells of each table by verdict; Table 4's PSA rows are counted separately."""
    counts: dict[str, Counter[Verdict]] = {}
    for cell in cells:
        table = f"Table {cell.row[0]}"
        if cell.row[0] == 4:
            table += ", PSA" if "PSA" in printed_rows()[cell.row].method else ", others"
        counts.setdefault(table, Counter())[cell.verdict] += 1
    return DataFrame(
        [
            {"table": table, "cells": tally.total()}
            | {verdict: tally[verdict] for verdict in VERDICTS}
            for table, tally in counts.items()
        ]
    )


def accuracy_table(table: int) -> DataFrame:
    """Every accuracy of a table, as printed."""
    return DataFrame(
        [
            {"row": key[1], "network": row.name, "size": row.size} | accuracies(row)
            for key, row in printed_table(table).items()
        ]
    ).fillna("")


def smp_counts() -> list[tuple[ModelCounts, ModelCounts]]:
    """smp's own DeepLabV3+, and the network of Table 3, both with one encoder and block."""
    pairs = []
    for encoder in ("mobilenet_v2", "resnet50", "resnet101"):
        for block in ("none", "psa_parallel_code"):
            if (encoder, block) != ("mobilenet_v2", "psa_parallel_code"):
                theirs = deeplab(encoder).setting._replace(size=(512, 512))
                own = theirs._replace(bare=theirs.bare._replace(model="deeplabv3plus"))
                pairs.append((Variant(own, block).counts, Variant(theirs, block).counts))
    return pairs


def smp_table(
    pairs: Iterable[tuple[ModelCounts, ModelCounts]], convention: Convention
) -> DataFrame:
    """One row per pair: params and operations of smp's network and of the paper's."""
    return DataFrame(
        [
            {
                "block": own.block,
                "encoder": own.setting.bare.encoder,
                "params": own.params,
                "paper_params": theirs.params,
                "operations": convention.total(own),
                "paper_operations": convention.total(theirs),
            }
            for own, theirs in pairs
        ]
    )


def ablation_counts() -> list[ModelCounts]:
    """Every block after the 3x3 of every Bottleneck of ResNet-50, at 384x288."""
    return counts_of_models([name for name in BLOCKS if name != "none"], ABLATION)


def ablation_table(counts: Iterable[ModelCounts], convention: Convention) -> DataFrame:
    """The costs that the paper's Table 6 would have had: one row per block."""
    return with_added(cost_table(counts, convention).drop(columns="problem"))


def counts_of_table(table: int) -> list[ModelCounts]:
    """Every network that is counted for a table."""
    variants: dict[Variant, None] = {}
    for key, row in ROWS.items():
        if key[0] == table:
            candidates = (
                row.candidates
                if isinstance(row, UndeterminedRow)
                else (row.implied, *row.others)
            )
            variants |= dict.fromkeys(candidates)
    return [variant.counts for variant in variants]
