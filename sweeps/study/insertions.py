"""What the blocks of a study do to its networks before training, for `--check`."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from ablations.attention.base import Evaluation
from ablations.blocks import label_of
from ablations.check.finding import Finding, any_broken
from ablations.check.insertion_check import findings_without_cost
from ablations.contract import Size
from ablations.errors import InputError, printable
from ablations.models import Network, check_size, network_of
from ablations.run_config import RunConfig
from lightning_modules.data import count_classes

SMALL: Size = (64, 64)  # of images, which decides the time but hardly what is found


class Insertion(NamedTuple):
    """A network with blocks, and how they are evaluated."""

    network: Network
    evaluation: Evaluation


class InsertionAnswer(NamedTuple):
    """What `--check` prints about blocks, and whether one breaks what blocks promise."""

    lines: list[str]
    broken: bool


def check_insertions(configs: Sequence[RunConfig], seconds: float) -> InsertionAnswer:
    """Check each distinct network once, as many as there is time for."""
    insertions, end = insertions_of(configs), time.monotonic() + seconds
    console, lines, broken = Console(stderr=True), list[str](), False
    bar = track(insertions, "blocks", console=console, disable=not console.is_terminal)
    for number, insertion in enumerate(bar):
        if time.monotonic() > end:
            total = len(insertions)
            lines.append(f"blocks: {number} of {total} networks checked, the rest were not")
            return InsertionAnswer(lines, broken)
        findings = findings_of(insertion)
        lines += line_of(insertion.network, findings)
        broken = broken or any_broken(findings)
    return InsertionAnswer([*lines, total_of(len(insertions), lines)], broken)


def total_of(networks: int, lines: Sequence[str]) -> str:
    """One line for all networks with blocks; lines are those of networks not all right."""
    broken = sum(line.strip().startswith("broken") for line in lines)
    notes = len(lines) - broken
    counts = f"blocks: {networks} networks checked, {broken} broken, {notes} with notes"
    return f"{counts}; `ablate check` explains them" if lines else counts


def insertions_of(configs: Sequence[RunConfig]) -> list[Insertion]:
    """Distinct networks with blocks; those with the same bare network in a row."""
    insertions = dict.fromkeys(
        Insertion(small_network(config), config.evaluation)
        for config in configs
        if config.block != "none"
    )
    return sorted(insertions, key=lambda insertion: insertion.network.bare)


def small_network(config: RunConfig) -> Network:
    """On small images if the model takes them, and without pretrained weights."""
    network = network_of(config, count_classes(config.dataset))
    size = network.size
    if min(size) > min(SMALL):
        try:
            check_size(network.bare, SMALL)
            size = SMALL
        except InputError:  # a model may take its own size only
            pass
    return network._replace(encoder_weights=None, size=size)


def findings_of(insertion: Insertion) -> list[Finding]:
    try:
        return findings_without_cost(*insertion)
    except InputError as error:
        return [Finding(f"not checked: {error}", "note", "", {})]


def line_of(network: Network, findings: Sequence[Finding]) -> list[str]:
    """A line that names what is broken or worth a note; none if all is right."""
    notable = [finding for finding in findings if finding.verdict != "ok"]
    if not notable:
        return []
    verdict = "broken" if any_broken(notable) else "note"
    subjects = ", ".join(each.subject for each in notable if each.verdict == verdict)
    where = f"{label_of(network.block)} at {network.placement}"
    bare = f"{network.bare.model}, {network.bare.encoder}"
    return [f"  {printable(f'{verdict}: {where} ({bare}): {subjects}')}"]
