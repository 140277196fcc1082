"""What a study asked, in words: its blocks, settings, seeds and the scored split."""

from collections.abc import Mapping, Sequence

from reports.comparison import Comparison
from reports.finding_words import listed
from reports.probe_verdict import SPLITS
from reports.section import describe
from reports.units import spoken
from reports.write.cells import shortened

NAMED = 5  # the most blocks, or values of a key, that are listed in a sentence

Gains = Mapping[str, Sequence[float]]  # of each block, one for each seed


def asked(compared: Sequence[Comparison], gains: Sequence[Gains]) -> str:
    """gains are those of each comparison."""
    return f"{blocks_of(gains)}, {seeds_of(gains)}, {where(compared)}. {scored(compared)}"


def blocks_of(gains: Sequence[Gains]) -> str:
    names = [
        shortened(spoken(block), 80)
        for block in dict.fromkeys(block for one in gains for block in one)
    ]
    compared = "compared with the network without a block, paired by seed"
    if len(names) == 1:
        return f"does {names[0]} change mIoU? It was {compared}"
    question = (
        f"do {listed(names)}" if len(names) <= NAMED else f"which of {len(names)} blocks"
    )
    return f"{question} change mIoU? Each was {compared}"


def seeds_of(gains: Sequence[Gains]) -> str:
    numbers = {len(values) for one in gains for values in one.values()}
    least, most = min(numbers), max(numbers)
    if least < most:
        return f"with {least} to {most} seeds"
    return "with one seed" if most == 1 else f"with {most} seeds"


def where(compared: Sequence[Comparison]) -> str:
    if len(compared) == 1:
        return f"in one setting ({describe(compared[0].setting)})"
    keys = [
        f"{key} ({listed(texts)})"
        if len(texts) <= NAMED
        else f"{key} ({len(texts)} values)"
        for key, texts in varying(compared).items()
    ]
    return f"in {len(compared)} settings, which differ in {listed(keys)}"


def scored(compared: Sequence[Comparison]) -> str:
    """The split, and what has been chosen on it."""
    splits = {str(one.setting["score_on"]) for one in compared}
    if len(splits) > 1:
        return "mIoU is that of the split that score_on names."
    [split] = splits
    line = f"mIoU is that of the {SPLITS[split]} split"
    line += ", on which settings may have been chosen" if split == "val" else ""
    return f"{line}{weights(compared)}."


def weights(compared: Sequence[Comparison]) -> str:
    """Of which step they are, if it is the same everywhere."""
    ends = {(one.setting["select"], one.setting["max_steps"]) for one in compared}
    if len(ends) > 1:
        return ""
    [(select, steps)] = ends
    if select == "best":
        return f", with the weights of the best validation within {steps:,} steps"
    return f", after {steps:,} steps"


def varying(compared: Sequence[Comparison]) -> dict[str, list[str]]:
    """The keys in which settings differ, with their values in the order of settings."""
    values: dict[str, dict[str, None]] = {}
    for one in compared:
        for key, value in one.setting.items():
            values.setdefault(key, {})[shortened(value, 80)] = None
    return {key: list(texts) for key, texts in values.items() if len(texts) > 1}


def settings_by_what_varies(compared: Sequence[Comparison]) -> list[str]:
    """A name for each setting: the keys in which it differs from others."""
    keys = varying(compared)
    return [
        ", ".join(f"{key} {shortened(one.setting[key], 80)}" for key in keys)
        for one in compared
    ]
