"""Write a sweep file of the cells that have no record yet."""

import argparse
from pathlib import Path

from ablations.options import runs_option, sweep_file_option
from lightning_modules.execution import with_defaults
from sweeps.study.coverage import missing, write_missing
from sweeps.study.sweep_file import load_study

EXAMPLES = [
    "missing sweeps/demo.yaml",
    "missing sweeps/demo.yaml --runs runs --out rest.yaml",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    sweep_file_option(parser)
    runs_option(parser)
    parser.add_argument(
        "--out", type=Path, help="sweep file to write (default: STUDY-missing.yaml)"
    )


def run(args: argparse.Namespace) -> int:
    study = load_study(args.file, args.count)
    runs = missing(study, with_defaults(args, study.options).runs / study.name)
    if not runs:
        print(f"{study.name}: every run has a record")
        return 0
    out = args.out or Path(f"{study.name}-missing.yaml")
    write_missing(args.file, study, runs, out)
    print(f"{study.name}: {len(runs)} runs without a record, listed in {out}")
    return 1
