"""Whether every run of a study can begin: `--check` and `--dry-run` answer only if so.

A command of another program is looked up; what it trains, and on which data, it decides
itself. For this suite's own training each distinct network is built and each data set
opened, once.
"""

import time
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from ablations.attention.base import Evaluation
from ablations.errors import printable
from ablations.models import check_network
from ablations.run_config import RunConfig
from ablations.time_limit import at_most
from lightning_modules.data import create_data, find_dataset
from lightning_modules.execution import Execution
from lightning_modules.machine import check_precision
from lightning_modules.train import check_names
from sweeps.study.command import own_flags
from sweeps.study.command_check import check_start
from sweeps.study.coverage import swept_keys
from sweeps.study.study import Study

SECONDS = 60  # for all networks of a study; those that are left are counted
STEP = 20  # seconds for one network, for one data set, for all imports


class Network(NamedTuple):
    """What decides whether a network can be built and run."""

    model: str
    encoder: str
    encoder_weights: str | None
    block: str
    placement: str
    evaluation: Evaluation
    classes: int
    size: tuple[int, int]


def check_runs(
    study: Study, cells: list[RunConfig], execution: Execution, here: bool
) -> list[str]:
    """What holds of a study, a line each. Raises InputError for a run that cannot begin.

    The device is known only if runs are carried out here, not by a scheduler.
    """
    check_start(study.command, study.program)
    with at_most(STEP, "looking up names"):
        check_names(cells)
    if own_flags(study.command, study.program) is None:
        return [*summary(study, cells), "nothing wrong was found before its start"]
    for precision in {cell.precision for cell in cells} if here else ():
        check_precision(precision, execution.accelerator)
    check_data(cells, execution)
    networks = check_networks(cells)
    return [*summary(study, cells), networks, "nothing wrong was found"]


def check_data(cells: list[RunConfig], execution: Execution) -> None:
    """Open each data set for the most images that any run wants of it."""
    wanted: dict[tuple[str, str], RunConfig] = {}
    for cell in sorted(cells, key=lambda cell: cell.train_images or 0):
        wanted[cell.dataset, "train"] = cell
    for cell in sorted(cells, key=lambda cell: cell.val_images or 0):
        wanted[cell.dataset, "val"] = cell
    for cell in dict.fromkeys(wanted.values()):
        with at_most(STEP, f"opening {cell.dataset}"):
            create_data(cell, execution.data_folder)


def check_networks(cells: list[RunConfig]) -> str:
    """Build and run each network once; says how many there was time for."""
    networks = list(dict.fromkeys(network(cell) for cell in cells))
    end = time.monotonic() + SECONDS
    console = Console(stderr=True)
    shown = track(networks, "networks", console=console, disable=not console.is_terminal)
    for number, parts in enumerate(shown):
        if time.monotonic() > end:
            checked = f"{number} of {len(networks)} checked in {SECONDS} s"
            return f"networks: {checked}, the others not"
        with at_most(STEP, f"a network with block {parts.block!r}"):
            check_network(*parts)
    return f"networks: all {len(networks)} can be built, and take images of their size"


def network(cell: RunConfig) -> Network:
    return Network(
        cell.model,
        cell.encoder,
        cell.encoder_weights,
        cell.block,
        cell.placement,
        cell.evaluation,
        len(find_dataset(cell.dataset).classes),
        (cell.image_size, cell.image_size),
    )


def summary(study: Study, cells: list[RunConfig]) -> list[str]:
    command = "none: runs here only" if not study.command else " ".join(study.command)
    swept = ", ".join(swept_keys(cells)) or "nothing"
    cap = f" (run_cap: {study.run_cap})" if study.run_cap else ""
    return [
        f"{study.name}: {len(cells)} cells{cap}; {swept} swept",
        "keys, types and ranges; no cell twice; blocks, placements, models, encoders and "
        "data sets are known",
        f"command: {printable(command)}",
        *[
            printable(f"  for every cell: {key} = {value}")
            for key, value in study.options.items()
        ],
    ]
