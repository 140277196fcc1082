"""What was measured about a block without training, in sentences."""

from collections.abc import Iterable, Mapping, Sequence

from ablations.anatomy import Anatomy
from ablations.anatomy.contexts import GAP, sides
from ablations.anatomy.form import (
    CONSTANT,
    EQUAL,
    EVERY_ENTRY,
    FACTOR,
    NOTHING,
    ONE_CONTEXT,
    OWN_CONTEXTS,
    REPLACES,
)
from ablations.check.finding import Finding
from ablations.contract import Size
from reports.card.stage_costs import WHERE, Totals
from reports.units import label, two_digits, whole_share

SMALL = 10_000  # below which a number is not given in millions
FORMS = {
    NOTHING: "passes its input on unchanged",
    FACTOR: "multiplies its input by one factor",
    EVERY_ENTRY: "multiplies every entry of its input by a weight of its own",
    CONSTANT: "adds a constant",
    ONE_CONTEXT: "adds one context, the same at all positions",
    OWN_CONTEXTS: "adds to each position something of its own",
    REPLACES: "replaces its input",
}


def check_words(findings: Sequence[Finding]) -> str:
    """Whether every promise is kept."""
    promises = [one for one in findings if one.subject.startswith("contract: ")]
    broken = [one for one in findings if one.verdict == "broken"]
    if broken:
        return "It breaks what every block promises: " + " ".join(
            f"{one.subject.removeprefix('contract: ')}: {one.advice}" for one in broken
        )
    return f"It keeps all {len(promises)} promises of a block."


def function_words(anatomy: Anatomy, peers: Iterable[Anatomy], size: Size) -> str:
    """What a block computes, and which peers do the same by these words."""
    own = properties(anatomy, size)
    same = [label(one.block) for one in peers if properties(one, size) == own]
    sentence = f"It {own[0]}; {own[1]}; {own[2]}; {own[3]}."
    return (
        f"{sentence} All of this is also true of {', '.join(same)}." if same else sentence
    )


def properties(anatomy: Anatomy, size: Size) -> tuple[str, str, str, str]:
    return (
        FORMS.get(anatomy.form.kind, f"multiplies its input by {anatomy.form.kind}"),
        reach_words(anatomy.reach.share),
        context_words(anatomy.contexts.distinct, size),
        content_words(anatomy),
    )


def reach_words(share: float) -> str:
    if share in (0, 1):
        return f"a position depends on {'every' if share else 'no'} other position"
    return f"a position depends on {whole_share(share)} of the others"


def context_words(distinct: int, size: Size) -> str:
    """How many contexts cross the gap, of as many as there are positions on a side."""
    gap = f"beyond a gap of {GAP} columns"
    if not distinct:
        return f"nothing is carried {gap}"
    if distinct == 1:
        return f"what is carried {gap} is the same for all positions"
    if distinct == len(sides(size)[0]):
        return f"what is carried {gap} can differ at every position"
    return f"no more than {distinct} numbers are carried {gap}"


def content_words(anatomy: Anatomy) -> str:
    """Whether content steers the block, and whether places matter to it."""
    linear, alike = (
        error <= EQUAL
        for error in (anatomy.symmetry.curvature, anatomy.symmetry.permutation)
    )
    steered = "it is linear" if linear else "content steers it"
    return (
        f"{steered}, and the order of positions {'does not matter' if alike else 'matters'}"
    )


def start_words(anatomy: Anatomy) -> str:
    start = anatomy.start
    return (
        f"As built, the scale of its output is {two_digits(start.scale_noise)} times that "
        f"of its input; behind 16 such blocks in a row, {two_digits(start.through_16)} "
        "times a gradient is left (by the geometric mean of the singular values)."
    )


def cost_words(costs: Mapping[str, Totals]) -> str:
    """The sums over the four stages, beside those of the peers."""
    lines = [f"{label(name)} {amounts(one)}" for name, one in costs.items()]
    return (
        f"Parameters and multiply-adds of one block at each of {WHERE}, as published: "
        f"{'; '.join(lines)}."
    )


def amounts(costs: Totals) -> str:
    params, direct, fast = (in_millions(value) for value in costs)
    return f"{params}, {direct}" + ("" if direct == fast else f" ({fast} as run)")


def in_millions(value: int | None) -> str:
    """Small numbers as they are."""
    if value is None:
        return "uncounted"
    return f"{value:,}" if value < SMALL else f"{value / 1e6:,.2f} M"
