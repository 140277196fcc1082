"""What the outcomes of a probe decide, in words that are no stronger than the tests."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from reports.comparison import Comparison
from reports.completeness import plural
from reports.controls import Pair, is_control, with_controls
from reports.counts import Solved, fisher_p, least_p, together
from reports.power import LEVEL
from reports.probe_tables import SOLVED, adjusted, fisher_by_block, solved_by_block
from reports.units import probability, spoken
from reports.write.cells import shortened

SPLITS = {"test": "test", "val": "validation"}  # by score_on


def verdict(comparison: Comparison) -> str:
    """What is decided, or why nothing can be; the first sentence is about the baseline."""
    split = SPLITS[str(comparison.setting["score_on"])]
    return words(solved_by_block(comparison.records), split)


def words(solved: Mapping[str, Solved], split: str) -> str:
    """The verdict on counts by block, in the order of a report; "none" is the baseline."""
    blocks = {block: counts for block, counts in solved.items() if block != "none"}
    counted = counts_of(solved["none"], blocks, split)
    if not blocks:
        return f"{counted}."
    sentences = headline(solved["none"], blocks)
    sentences.append(f"{counted}: {against_baseline(solved['none'], blocks)}.")
    if pairs := [*combinations(without_controls(blocks), 2)]:
        sentences.append(differences(pairs, blocks, "ranking among the blocks"))
    if pairs := with_controls(blocks):
        claim = "difference between a block and its control"
        sentences.append(differences(pairs, blocks, claim))
    return " ".join(sentences)


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
    if too_few(baseline, blocks):
        limit = smallest(least_of(baseline, blocks), len(blocks), "block")
        few = f"so few runs cannot tell a single block from the baseline ({limit})"
        every = [*without_controls(blocks).values()]
        undecided = len(every) > 1 and fisher_p(together(every), baseline) >= LEVEL
        return f"{few}; {none_together(baseline, every)}" if undecided else few
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


def headline(baseline: Solved, blocks: Mapping[str, Solved]) -> list[str]:
    """What a test of all blocks decides, if no single one can be told from none."""
    every = [*without_controls(blocks).values()]
    if len(every) < 2 or not too_few(baseline, blocks):
        return []
    some = together(every)
    if fisher_p(some, baseline) >= LEVEL:
        return []
    often = "more" if some.share > baseline.share else "fewer"
    return [
        f"With a block {often} runs solve the probe than without one "
        f"({figures(some, baseline)})."
    ]


def none_together(baseline: Solved, every: Sequence[Solved]) -> str:
    some = figures(together(every), baseline)
    return f"nor do all blocks together differ from it ({some})"


def figures(some: Solved, baseline: Solved) -> str:
    p = probability(fisher_p(some, baseline))
    return (
        f"{some} against {baseline}, p = {p} by Fisher's exact test of all blocks together"
    )


def too_few(baseline: Solved, blocks: Mapping[str, Solved]) -> bool:
    """Whether no outcome of so many runs could tell a single block from the baseline."""
    return len(blocks) * least_of(baseline, blocks) >= LEVEL


def least_of(baseline: Solved, blocks: Mapping[str, Solved]) -> float:
    return min(least_p(counts, baseline) for counts in blocks.values())


def differences(pairs: Sequence[Pair], blocks: Mapping[str, Solved], claim: str) -> str:
    """Which pairs differ, in a sentence; claim is what a difference would be."""
    least = min(least_p(blocks[one], blocks[other]) for one, other in pairs)
    if len(pairs) * least >= LEVEL:
        return f"So few runs support no {claim} ({smallest(least, len(pairs), 'pair')})."
    single = {pair: fisher_p(*(blocks[block] for block in pair)) for pair in pairs}
    found = [pair for pair, p in adjusted(single).items() if p < LEVEL]
    test = f"Fisher's exact test, Holm's correction for {plural(len(pairs), 'pair')}"
    if not found:
        return f"No {claim} is supported ({test})."
    better: dict[str, list[str]] = {}  # by the worse one
    for one, other in (ordered(pair, blocks) for pair in found):
        better.setdefault(other, []).append(one)
    clauses = [
        f"with {names(some)} than with {names([other])}" for other, some in better.items()
    ]
    rest = f"; no other {claim} is supported" if len(found) < len(pairs) else ""
    return f"It is solved more often {', '.join(clauses)} ({test}){rest}."


def without_controls(blocks: Mapping[str, Solved]) -> dict[str, Solved]:
    return {block: counts for block, counts in blocks.items() if not is_control(block)}


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
    return ", ".join(shortened(spoken(block)) for block in blocks)
