"""Blocks beside their controls: plain bottlenecks of the same cost."""

from collections.abc import Iterable, Mapping
from typing import Any

from pandas import DataFrame

from ablations.wrappers import CONTROLS, unwrapped
from reports.statistics import holm, interval, sign_flip_p
from reports.tables import block_order, without_version

Scores = Mapping[str, Mapping[int, float]]  # mIoU by block and seed
Pair = tuple[str, str]


def is_control(block: str) -> bool:
    return bool(CONTROLS.keys() & {*unwrapped(without_version(block))[1]})


def with_controls(blocks: Iterable[str]) -> list[Pair]:
    """Each block with each of its controls, if both have run."""
    known = dict.fromkeys(blocks)
    pairs = [(original(block), block) for block in known if is_control(block)]
    return [pair for pair in pairs if pair[0] in known]


def original(control: str) -> str:
    """The block, with its start and its version, that a control is compared with."""
    name = without_version(control)
    block, wrappers = unwrapped(name)
    for wrapper in wrappers:
        block = block if wrapper in CONTROLS else f"{wrapper}({block})"
    return block + control.removeprefix(name)


def against_baseline(blocks: Iterable[str]) -> list[str]:
    """The blocks whose question is the baseline: all but controls beside their block."""
    known = list(blocks)
    beside = {control for _, control in with_controls(known)}
    return [block for block in known if block != "none" and block not in beside]


def scores(runs: DataFrame) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    columns = zip(runs["block"], runs["seed"], runs["miou"], strict=True)
    for block, seed, miou in columns:
        found.setdefault(block, {})[seed] = miou
    return found


def differences(one: Mapping[int, float], other: Mapping[int, float]) -> list[float]:
    """Of the seeds that both have, in their order."""
    return [one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())]


def control_comparison(runs: DataFrame) -> DataFrame:
    """Compare each block of one setting with each of its controls: a row for each pair.

    block, control            names
    control_gain              mean over seeds of the block's miou minus the control's
    control_low, control_high 95 % t interval of it
    control_single            exact two-sided sign-flip p of it
    control_p                 the same, adjusted by Holm's method for all pairs
    control_seeds             pairs of runs behind the row
    """
    found = scores(runs)
    rows = [
        control_row(pair, differences(found[pair[0]], found[pair[1]]))
        for pair in with_controls(block_order(found))
    ]
    table = DataFrame(rows, columns=CONTROL_COLUMNS)
    return table.assign(control_p=holm(table["control_single"].tolist()))


CONTROL_COLUMNS = [
    "block",
    "control",
    "control_gain",
    "control_low",
    "control_high",
    "control_single",
    "control_seeds",
]


def control_row(pair: Pair, over: list[float]) -> dict[str, Any]:
    mean = sum(over) / len(over) if over else float("nan")
    values = (*pair, mean, *interval(over), sign_flip_p(over), len(over))
    return dict(zip(CONTROL_COLUMNS, values, strict=True))


def hardest(pairs: DataFrame) -> DataFrame:
    """Of the controls of each block, the one over which it gains least."""
    ordered = pairs.sort_values("control_gain", kind="stable")
    return ordered.drop_duplicates("block")
