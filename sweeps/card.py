"""The probes of a card: the block, the baseline and a control on two small data sets.

All cards share one folder of runs, so a baseline is trained once, and an edited block alone
is trained again.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path

from rich.console import Console

from ablations.controls import resolve_at
from ablations.errors import InputError
from ablations.models import network_of
from ablations.run_config import RunConfig
from ablations.sites import find_sites
from ablations.spelling import one_spelling
from ablations.wrappers import CONTROLS
from lightning_modules.data import count_classes
from lightning_modules.execution import Execution
from reports.card.probes import Trained
from sweeps.display import Display
from sweeps.local.executor import here
from sweeps.local.resources import Resources
from sweeps.study.check import check_networks
from sweeps.study.study import Launch, PlannedRun, Study
from sweeps.study.sweep_file import load_study

FOLDER = Path(__file__).parent
PROBES = ("probe_cue.yaml", "probe_local.yaml")  # whose networks and schedules are used
NAME = "card-probes"
SEEDS, ALL_SEEDS = 3, 6


def train_probes(block: str, seeds: int, runs_folder: Path, jobs: int) -> Trained:
    """Train what has no record yet, and read all; Ctrl-C leaves the rest to another time.

    Raises InputError for a block that does not work in the networks of the probes.
    """
    control, planned = plan(block, seeds)
    check_networks([run.config for run in planned])
    launch = Study(name=NAME, parameters={}).launch(runs_folder / NAME)
    here(planned, launch, Execution(), Resources(jobs=jobs), Display(Console()))
    return read(planned, launch, control)


def plan(block: str, seeds: int) -> tuple[str | None, list[PlannedRun]]:
    """The control, if there is one, and the runs of all probes."""
    studies = [load_study(FOLDER / file) for file in PROBES]
    control = control_of(block, next(studies[0].runs()).config)
    blocks = ["none", block, *([control] if control else [])]
    return control, [
        run for study in studies for run in runs_of(study, blocks, range(seeds))
    ]


def runs_of(
    study: Study, blocks: Sequence[str], seeds: Sequence[int]
) -> Iterator[PlannedRun]:
    """The first cell of the study with other blocks and seeds."""
    first = next(study.cells())
    for seed, block in product(seeds, dict.fromkeys(blocks)):
        cell = first | {"block": block, "seed": seed}
        yield PlannedRun(cell, study.config(cell))


def control_of(block: str, config: RunConfig) -> str | None:
    """The first control that can be made where config places blocks."""
    network = network_of(config, count_classes(config.dataset))
    sites = find_sites(network.bare, network.placement, network.size)
    for name in CONTROLS:
        control = one_spelling("block", f"{name}({block})")
        with suppress(InputError):
            for site in sites:
                resolve_at(control, site)
            return control
    return None


def read(planned: Sequence[PlannedRun], launch: Launch, control: str | None) -> Trained:
    """What became of the planned runs, and of no others in the folder."""
    from ablations.records import Failure

    folders = [launch.folder(run) for run in planned]
    records = [record for folder in folders if (record := folder.find_record())]
    failures = [
        Failure.read_of(folder.failure, folder.config)
        for folder in folders
        if folder.failure.exists() and not folder.has_record()
    ]
    return Trained([run.config for run in planned], records, failures, control)
