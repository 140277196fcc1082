"""Whether every run of a study can start, for `--check` and `--dry-run`.

Another program is only looked up: what it trains, and on which data, is up to that program.
For this suite's own training, each distinct network is built and each data set is opened
once.
"""

import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.progress import track

from ablations.errors import printable
from ablations.models import check_training, network_of
from ablations.run_config import RunConfig
from ablations.time_limit import at_most
from lightning_modules.data import count_classes, create_data
from lightning_modules.execution import Execution
from lightning_modules.freezing import advice, check_freeze
from lightning_modules.inference import Inference
from lightning_modules.machine import check_precision
from lightning_modules.run import check_names
from sweeps.study.command import own_flags
from sweeps.study.command_check import check_start
from sweeps.study.coverage import swept_keys
from sweeps.study.insertions import InsertionAnswer, check_insertions
from sweeps.study.study import PlannedRun, Study

SECONDS = 60  # for all networks of a study; the unchecked rest is counted
STEP = 20  # seconds for one network, for one data set, for all imports


def check_runs(
    study: Study, runs: Sequence[PlannedRun], execution: Execution, here: bool
) -> list[str]:
    """The results, one line each. Raises InputError for a run that cannot start.

    The device is known only if runs are carried out here, not by a scheduler.
    """
    check_start(study.command, study.program)
    configs = [run.config for run in runs]
    with at_most(STEP, "looking up names"):
        check_names(configs)
    if own_flags(study.command, study.program) is None:
        return [
            *summary(study, configs),
            "no mistakes found; what the program itself does was not checked",
        ]
    for precision in {config.precision for config in configs} if here else ():
        check_precision(precision, execution.accelerator)
    check_data(configs, execution)
    networks = check_networks(configs)
    check_freezes(configs)
    check_inferences(configs)
    return [*summary(study, configs), networks, *advice_for(configs), "no mistakes found"]


def check_blocks(study: Study, runs: Sequence[PlannedRun], began: float) -> InsertionAnswer:
    """What blocks do before training, in the time that is left; began is monotonic."""
    if own_flags(study.command, study.program) is None:
        return InsertionAnswer([], False)
    left = SECONDS - (time.monotonic() - began)
    return check_insertions([run.config for run in runs], left)


def check_data(configs: Sequence[RunConfig], execution: Execution) -> None:
    """Open each data set with the largest number of images that any run uses."""
    largest: dict[tuple[str, str], RunConfig] = {}
    for config in sorted(configs, key=lambda config: config.train_images or 0):
        largest[config.dataset, "train"] = config
    for config in sorted(configs, key=lambda config: config.val_images or 0):
        largest[config.dataset, "val"] = config
    largest |= {(c.dataset, "test"): c for c in configs if c.score_on == "test"}
    for config in dict.fromkeys(largest.values()):
        with at_most(STEP, f"opening {config.dataset}"):
            create_data(config, execution.data_folder)


def check_networks(configs: Sequence[RunConfig]) -> str:
    """Build and run each network once; returns how many there was time for."""
    classes = [count_classes(config.dataset) for config in configs]
    networks = list(dict.fromkeys(map(network_of, configs, classes)))
    end = time.monotonic() + SECONDS
    console = Console(stderr=True)
    bar = track(networks, "networks", console=console, disable=not console.is_terminal)
    for number, network in enumerate(bar):
        if time.monotonic() > end:
            progress = f"{number} of {len(networks)} checked in {SECONDS} s"
            return f"networks: {progress}, the rest were not"
        with at_most(STEP, f"a network with block {network.block!r}"):
            check_training(network)
    return f"networks: all {len(networks)} can be built and accept images of their size"


def check_freezes(configs: Sequence[RunConfig]) -> None:
    """What is to be frozen exists in each encoder; see lightning_modules/freezing.py."""
    distinct = {(c.model, c.encoder, c.dataset, c.freeze): c for c in configs}
    for config in distinct.values():
        with at_most(STEP, f"a network with encoder {config.encoder!r}"):
            check_freeze(config, count_classes(config.dataset))


def check_inferences(configs: Sequence[RunConfig]) -> None:
    """Each network takes the sizes in which it is scored."""
    for inference in dict.fromkeys(map(Inference.of, configs)):
        with at_most(STEP, f"a network with encoder {inference.bare.encoder!r}"):
            inference.check()


def advice_for(configs: Sequence[RunConfig]) -> list[str]:
    """What is allowed, but most likely a mistake, with the number of its cells."""
    counts = Counter(line for config in configs for line in advice(config))
    return [f"warning: {line} (cells: {count})" for line, count in counts.items()]


def summary(study: Study, configs: Sequence[RunConfig]) -> list[str]:
    usual = "W&B's own" if study.program else "none: `ablate sweep` only"
    command = " ".join(study.command) or usual
    keys = ", ".join(swept_keys(configs)) or "nothing"
    cap = f" (run_cap: {study.run_cap})" if study.run_cap else ""
    return [
        f"{study.name}: {len(configs)} cells{cap}; {keys} swept",
        "checked: keys, types and ranges; no duplicate cells; blocks, placements, models, "
        "encoders and data sets exist",
        f"command: {printable(command)}",
        *[
            printable(f"  for every cell: {key} = {value}")
            for key, value in study.options.items()
        ],
    ]
