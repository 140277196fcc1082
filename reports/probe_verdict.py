"""What the outcomes of a probe decide, in words that are no stronger than the tests."""

from collections.abc import Iterable, Mapping
from itertools import combinations

from reports.comparison import Comparison
from reports.completeness import plural
from reports.counts import Solved, fisher_p, least_p, together
from reports.probe_tables import SOLVED, adjusted, fisher_by_block, solved_by_block
from reports.units import label, probability
from reports.write.cells import shortened

LEVEL = 0.05  # below which an adjusted p is called a difference
SPLITS = {"test": "test", "val": "validation"}  # by score_on
Pair = tuple[str, str]


def verdict(comparison: Comparison) -> str:
    """One or two sentences: what is decided, or why nothing can be."""
    split = SPLITS[str(comparison.setting["score_on"])]
    return words(solved_by_block(comparison.records), split)


def words(solved: Mapping[str, Solved], split: str) -> str:
    """The verdict on counts by block, in the order of a report; "none" is the baseline."""
    blocks = {block: counts for block, counts in solved.items() if block != "none"}
    counted = counts_of(solved["none"], blocks, split)
    if not blocks:
        return f"{counted}."
    first = f"{counted}: {against_baseline(solved['none'], blocks)}."
    return f"{first} {ranking(blocks)}" if len(blocks) > 1 else first


def counts_of(baseline: Solved, blocks: Mapping[str, Solved], split: str) -> str:
    """Blocks with equal counts are named together, the best first."""
    groups: dict[Solved, list[str]] = {}
    for block, counts in blocks.items():
        groups.setdefault(counts, []).append(block)
    best_first = sorted(groups, key=lambda counts: -counts.share)
    solving = "runs solve" if baseline.runs > 1 else "run solves"
    return "; ".join(
        [
            f"Without a block {baseline} {solving} the probe (information of at least "
            f"{SOLVED} on the {split} split)",
            *(f"with {names(groups[counts])} {counts}" for counts in best_first),
        ]
    )


def against_baseline(baseline: Solved, blocks: Mapping[str, Solved]) -> str:
    """Which blocks differ from the baseline, if that many runs can show it at all."""
    least = min(least_p(counts, baseline) for counts in blocks.values())
    if len(blocks) * least >= LEVEL:
        limit = smallest(least, len(blocks), "block")
        few = f"so few runs cannot tell a single block from the baseline ({limit})"
        return f"{few}; {all_together(baseline, blocks)}" if len(blocks) > 1 else few
    family = adjusted(fisher_by_block({"none": baseline, **blocks}))
    found = [block for block, p in family.items() if p < LEVEL]
    test = f"Fisher's exact test, Holm's correction for {plural(len(blocks), 'block')}"
    if not found:
        return f"no difference from the baseline is supported ({test})"
    largest = probability(max(family[block] for block in found))
    more = [block for block in found if blocks[block].share > baseline.share]
    clauses = [
        f"it is solved {often} often with {names(some)}"
        for often, some in (("more", more), ("less", [b for b in found if b not in more]))
        if some
    ]
    others = [block for block in blocks if block not in found]
    tail = [f"no difference is supported for {names(others)}"] if others else []
    return "; ".join([f"{' and '.join(clauses)} ({test}: p at most {largest})", *tail])


def all_together(baseline: Solved, blocks: Mapping[str, Solved]) -> str:
    """One test of all blocks, for when no single one can be told from the baseline."""
    every = together([*blocks.values()])
    p = fisher_p(every, baseline)
    figures = f"{every} against {baseline}, p = {probability(p)} by Fisher's exact test"
    if p >= LEVEL:
        return f"nor do all blocks together differ from it ({figures})"
    often = "more" if every.share > baseline.share else "less"
    return f"all blocks together solve it {often} often ({figures})"


def ranking(blocks: Mapping[str, Solved]) -> str:
    """Which blocks differ from one another: usually none, and often none could."""
    pairs: list[Pair] = [*combinations(blocks, 2)]
    least = min(least_p(blocks[one], blocks[other]) for one, other in pairs)
    if len(pairs) * least >= LEVEL:
        limit = smallest(least, len(pairs), "pair")
        return f"So few runs support no ranking among the blocks ({limit})."
    single = {pair: fisher_p(*(blocks[block] for block in pair)) for pair in pairs}
    family = adjusted(single)
    found = [ordered(pair, blocks) for pair, p in family.items() if p < LEVEL]
    test = f"Fisher's exact test, Holm's correction for {plural(len(pairs), 'pair')}"
    if not found:
        return f"No ranking among the blocks is supported ({test})."
    clauses = [f"with {names([one])} than with {names([other])}" for one, other in found]
    return f"It is solved more often {', '.join(clauses)} ({test}); no other ranking."


def ordered(pair: Pair, blocks: Mapping[str, Solved]) -> Pair:
    """The better one first."""
    one, other = pair
    return (one, other) if blocks[one].share > blocks[other].share else (other, one)


def smallest(least: float, tests: int, noun: str) -> str:
    """The limit of a test with so few runs."""
    line = f"the smallest possible p is {probability(least)}"
    corrected = probability(min(1, tests * least))
    return f"{line}, corrected for {tests} {noun}s {corrected}" if tests > 1 else line


def names(blocks: Iterable[str]) -> str:
    return ", ".join(shortened(label(block)) for block in blocks)
