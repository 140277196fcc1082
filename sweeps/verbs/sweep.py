"""Run every cell of a sweep file that has no record yet."""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console

from ablations.errors import InputError
from ablations.model_options import from_options
from ablations.options import sweep_file_option
from ablations.run_config import RunConfig
from lightning_modules.execution import Execution, execution_options, with_defaults
from sweeps.display import Display
from sweeps.executor_options import chosen_options, executor_options
from sweeps.executors import EXECUTORS
from sweeps.study.coverage import state, swept_keys
from sweeps.study.study import PlannedRun, Study
from sweeps.study.sweep_file import load_study

EXAMPLES = [
    "sweep sweeps/demo.yaml --jobs 2",
    "sweep sweeps/demo.yaml --dry-run",
    "sweep sweeps/demo.yaml --check",
    "sweep sweeps/demo.yaml --gpus 0,1 --retries 1",
    "sweep sweeps/demo.yaml --executor slurm --partition gpu --gpus-per-run 1",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    sweep_file_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="list the runs and stop")
    parser.add_argument("--check", action="store_true", help="check the file and stop")
    executor_options(parser)
    execution_options(parser)


def run(args: argparse.Namespace) -> int:
    study = load_study(args.file, args.count)
    args = with_defaults(args, study.options)
    runs, options = list(study.runs()), chosen_options(args)
    execution = execution_of(args, options)
    check_devices(runs, execution)
    if args.check or args.dry_run:
        return check(args, study, runs, execution)
    from lightning_modules.run import check_names

    check_names([run.config for run in runs], execution.data_folder)
    carry_out = EXECUTORS[args.executor].carry_out
    launch, display = study.launch(args.runs / study.name), Display(Console())
    summary = carry_out(runs, launch, execution, options, display)
    print(*summary.lines(study.name), sep="\n")
    return 0 if summary.complete else 1


def execution_of(args: argparse.Namespace, options: Any) -> Execution:
    """From the flags; the options of the executor can override the accelerator."""
    execution = from_options(Execution, vars(args))
    accelerator = options.accelerator(execution.accelerator)
    return execution.model_copy(update={"accelerator": accelerator})


def check_devices(runs: list[PlannedRun], execution: Execution) -> None:
    """InputError if the runs cannot be trained on so many devices of one machine."""
    if execution.machines > 1:
        raise InputError(
            f"--machines {execution.machines}: a run of a sweep uses one machine; start "
            "`ablate train` with torchrun or srun"
        )
    if execution.devices > 1:
        from lightning_modules.devices import Team, check_share

        for run in runs:
            check_share(run.config, Team(devices=execution.devices))


def check(
    args: argparse.Namespace, study: Study, runs: list[PlannedRun], execution: Execution
) -> int:
    """Look for what would keep a run from starting; print the result, or list the runs.

    1 if a block breaks what every block promises, which only `--check` finds out.
    """
    from lightning_modules.machine import device_kind
    from sweeps.study.check import check_blocks, check_runs

    if here := EXECUTORS[args.executor].on_this_device:
        device_kind(execution.accelerator)
    began = time.monotonic()
    answer = check_runs(study, runs, execution, here)
    if args.dry_run:
        list_runs([run.config for run in runs], args.runs / study.name)
        return 0
    lines, broken = check_blocks(study, runs, began)
    *lines_before, verdict = answer
    if broken:
        verdict = "a block breaks what every block promises: `ablate check` says how"
    print(*lines_before, *lines, verdict, sep="\n")
    return 1 if broken else 0


def list_runs(configs: list[RunConfig], study_folder: Path) -> None:
    """Print the state of each run, and the values that distinguish it from the others."""
    states = [state(config, study_folder) for config in configs]
    keys = swept_keys(configs)
    for config, word in zip(configs, states, strict=True):
        values = "  ".join(f"{key}={getattr(config, key)}" for key in keys)
        print(f"{word:8}  {config.run_id}  {values}")
    counts = Counter(states)
    print(f"{len(configs)} runs:", ", ".join(f"{counts[word]} {word}" for word in counts))
