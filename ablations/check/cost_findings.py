"""What blocks add to the cost of a network."""

from ablations.attention.base import Evaluation
from ablations.check.finding import Finding
from ablations.complexity.cost import figure
from ablations.complexity.subjects import ModelCounts, Setting
from ablations.errors import InputError
from ablations.threads import on_threads


def cost_finding(setting: Setting, block: str, evaluation: Evaluation) -> Finding:
    """Parameters and multiply-adds added, as shares of the bare network's."""
    with on_threads(1):
        try:
            bare = ModelCounts("none", evaluation, setting).cost
            whole = ModelCounts(block, evaluation, setting).cost
        except InputError as error:
            return Finding("cost", "note", f"It cannot be counted: {error}.", {})
    params = whole.params / bare.params - 1
    if whole.macs is None or bare.macs is None:
        uncounted = whole if whole.macs is None else bare
        return Finding("cost", "note", f"{figure(uncounted)}.", {"params": params})
    return Finding("cost", "ok", "", {"params": params, "MACs": whole.macs / bare.macs - 1})
