"""Whether a block keeps its promises on the feature maps that it receives in a network."""

from collections.abc import Sequence
from functools import lru_cache

import torch

from ablations.check.finding import Finding
from ablations.check.promises import PROMISES, Outcome, Trial
from ablations.errors import InputError
from ablations.own_code import OWN_SECONDS, own_errors
from ablations.passes import plain_operators
from ablations.time_limit import at_most

FIRST = next(iter(PROMISES))  # without it, the others make no sense


def contract_findings(trials: Sequence[Trial]) -> list[Finding]:
    """A row per promise; only the first one if that is broken."""
    first = promise_finding(FIRST, trials)
    if first.verdict == "broken":
        advice = f"{first.advice} Nothing else was checked."
        return [first._replace(advice=advice)]
    return [promise_finding(name, trials) for name in PROMISES]


def promise_finding(name: str, trials: Sequence[Trial]) -> Finding:
    """The first trial in which the promise is broken, or the largest difference."""
    outcomes = [outcome(name, trial) for trial in trials]
    differences = [each.difference for each in outcomes if each.difference is not None]
    values = {"difference": max(differences)} if differences else {}
    subject = f"contract: {name}"
    for trial, result in zip(trials, outcomes, strict=True):
        if result.problem:
            height, width = trial.size
            where = f"{trial.channels} channels of {height}x{width}"
            advice = f"On {where} the block {result.problem}."
            return Finding(subject, "broken", advice, values)
    return Finding(subject, "ok", "", values)


@lru_cache(maxsize=1000)
def outcome(name: str, trial: Trial) -> Outcome:
    """Whether the promise of this name is kept; a failure of the block breaks it."""
    try:
        with (
            own_errors("fails"),
            at_most(OWN_SECONDS, "a pass"),
            plain_operators(),
            torch.random.fork_rng(devices=[]),
        ):
            return PROMISES[name](trial)
    except InputError as error:
        return Outcome(str(error))
