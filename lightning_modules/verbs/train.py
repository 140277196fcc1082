"""Train one network and write its record."""

import argparse
import sys
from pathlib import Path

from ablations.errors import InputError
from ablations.model_options import add_flags, from_options
from ablations.option_types import plain_name
from ablations.run_config import DERIVED, RunConfig, flat
from ablations.run_folder import RunFolder
from ablations.yaml_file import read_yaml
from lightning_modules.execution import (
    Execution,
    execution_options,
    in_sweep,
    with_defaults,
)
from lightning_modules.lock import BusyError

EXAMPLES = [
    "train --block psa_parallel --placement residual",
    "train --block my_file:MyBlock --max-steps 200 --wandb offline",
]
SINGLE = "single"  # the study of runs that belong to no sweep


def add_options(parser: argparse.ArgumentParser) -> None:
    """Without defaults: a missing flag is absent. Commands of sweep files use them, too."""
    group = parser.add_argument_group("configuration (determines the result)")
    add_flags(group, RunConfig, without=DERIVED)
    group.add_argument(
        "--config",
        type=Path,
        default=argparse.SUPPRESS,
        help="YAML or JSON file with these keys; flags override it",
    )
    execution_options(parser)
    parser.add_argument(
        "--study",
        type=plain_name,
        default=argparse.SUPPRESS,
        help=f"folder under --runs (default: {SINGLE})",
    )


def run(args: argparse.Namespace) -> int:
    args = with_defaults(args, {"config": None, "study": SINGLE})
    config, execution = run_config(args), from_options(Execution, vars(args))
    kept = execution.keep_weights or ("none" if in_sweep() else "best")
    execution = execution.model_copy(update={"keep_weights": kept})
    from lightning_modules.devices import find_team
    from lightning_modules.display import say
    from lightning_modules.freezing import advice
    from lightning_modules.interrupts import Interrupted
    from lightning_modules.machine import device_kind
    from lightning_modules.run import check_names, train

    check_names([config], execution.data_folder)
    device_kind(execution.accelerator)  # InputError if it is unavailable
    study_folder = args.runs / args.study
    if find_team(execution).rank > 0:
        return train_silently(config, study_folder, execution)
    for line in advice(config):
        say(f"ablate: {line}")
    try:
        record = train(config, study_folder, execution)
    except BusyError as error:
        raise InputError(str(error)) from None
    except Interrupted as stop:
        print(f"ablate: {stop}", file=sys.stderr)
        return stop.exit_code
    folder = RunFolder(study_folder, config)
    if kept != "none" and not folder.weights.exists():
        say(
            f"ablate: {folder.path}: the run finished without keeping weights; to train it "
            "again and keep them, use another --runs folder, or delete its record.json"
        )
    print(f"mIoU {100 * record.miou:.2f} %  {study_folder / config.run_id}")
    return 0


def train_silently(config: RunConfig, study_folder: Path, execution: Execution) -> int:
    """Train as a process that torchrun or srun started; the first one says how it went."""
    from lightning_modules.interrupts import Interrupted
    from lightning_modules.run import train

    try:
        train(config, study_folder, execution)
    except Interrupted as stop:
        return stop.exit_code
    except Exception:
        return 1
    return 0


def run_config(args: argparse.Namespace) -> RunConfig:
    """The configuration from a file and from flags, which override it."""
    flags = {name: value for name, value in vars(args).items() if name in KEYS}
    keys = read_yaml(args.config) if args.config else {}
    if not isinstance(keys, dict):
        raise InputError(f"{args.config}: not a mapping of configuration keys")
    return RunConfig.parse(flat(keys) | flags, str(args.config or "configuration"))


KEYS = set(RunConfig.model_fields)
