"""Whether the counters agree: fvcore, torch and, for a block alone, its formula."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from ablations.complexity.counters import measure
from ablations.complexity.subjects import Counts, ModelCounts
from ablations.models import create_model


class Audit(NamedTuple):
    """How far the counters agree on the counts of a table."""

    counts: int
    formulas: int  # lone blocks whose closed form is compared too
    unread: int  # networks with layers that torch counts though nothing reads them
    alone: int  # networks that torch's counter cannot run
    missing: int  # not counted by fvcore
    unexplained: list[str]


def audit(all_counts: Iterable[Counts]) -> Audit:
    """Compare the counters on each of them."""
    subjects = list(all_counts)
    kinds = [kind_of(counts) for counts in subjects]
    wrong = [
        describe(one) for one, kind in zip(subjects, kinds, strict=True) if kind == "wrong"
    ]
    formulas = sum(counts.formula is not None for counts in subjects)
    unread, alone = kinds.count("unread"), kinds.count("alone")
    return Audit(len(subjects), formulas, unread, alone, kinds.count("missing"), wrong)


def kind_of(counts: Counts) -> Literal["agree", "unread", "alone", "missing", "wrong"]:
    if counts.macs is None:
        return "missing"
    if counts.formula not in {None, counts.macs}:
        return "wrong"
    if counts.meta_macs is None:
        return "alone"
    if counts.macs == counts.meta_macs:
        return "agree"
    return "unread" if counts.macs + counts.unread == counts.meta_macs else "wrong"


def describe(counts: Counts) -> str:
    figures = f"fvcore {counts.macs:,}, torch {counts.meta_macs:,}"
    if counts.formula is not None:
        figures += f", closed form {counts.formula:,}"
    operators = ", ".join(counts.cost.uncounted) or "none"
    return (
        f"{counts.block} ({counts.evaluation}): {figures}; operators without a count in "
        f"fvcore: {operators}"
    )


def whole_costs_the_sum(counts: ModelCounts) -> bool:
    """Whether a model with blocks, built and counted at once, costs what its parts cost."""
    bare, placement, size = counts.setting
    whole = create_model(*bare, counts.block, placement, counts.evaluation, image_size=size)
    return measure(whole, bare.input_shape(size))[:3] == counts.cost[:3]
