"""Do the counters agree? Every count by fvcore and torch, a block's also by its formula."""

from collections.abc import Iterable
from typing import NamedTuple

from ablations.complexity.counts import BlockCounts, Counts


class Audit(NamedTuple):
    """What the counters say of a table's counts."""

    counts: int
    blocks: int  # of them, blocks alone, whose formula is compared too
    unread: int  # of them, models with layers that torch counts though nothing reads them
    unexplained: list[str]

    def sentence(self) -> str:
        """For the foot of a table."""
        counters = ["fvcore", "torch.utils.flop_counter"]
        counters += ["closed form"] if self.blocks else []
        parts = [f"Counters: {', '.join(counters[:-1])} and {counters[-1]} agree on "]
        agreeing = self.counts - self.unread - len(self.unexplained)
        parts.append(f"{agreeing} of {self.counts} counts.")
        if self.unread:
            parts.append(
                f" On {self.unread} torch counts more, by exactly the layers that run "
                "though nothing reads their output."
            )
        if self.unexplained:
            parts.append(" NOT EXPLAINED: " + "; ".join(self.unexplained) + ".")
        return "".join(parts)


def audit(all_counts: Iterable[Counts]) -> Audit:
    """Compare the counters on every one of them."""
    all_counts = list(all_counts)
    gaps = [counts for counts in all_counts if counts.macs != counts.meta_macs]
    explained = [c for c in gaps if c.macs + c.unread == c.meta_macs]
    blocks = [counts for counts in all_counts if isinstance(counts, BlockCounts)]
    wrong = [counts for counts in gaps if counts not in explained]
    wrong += [c for c in blocks if c.closed_form != c.macs and c not in wrong]
    return Audit(len(all_counts), len(blocks), len(explained), [*map(describe, wrong)])


def describe(counts: Counts) -> str:
    found = f"fvcore {counts.macs:,}, torch {counts.meta_macs:,}"
    if isinstance(counts, BlockCounts):
        found += f", closed form {counts.closed_form:,}"
    operators = ", ".join(counts.cost.uncounted) or "none"
    return (
        f"{counts.block} ({counts.evaluation}): {found}; operators without a count in "
        f"fvcore: {operators}"
    )
