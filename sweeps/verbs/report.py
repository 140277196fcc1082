"""Turn the records in a folder into tables, plots and a report.

The exit code is 1 if a file of a run cannot be read or, with --sweep, if a planned run has
no record; the report then says which.
"""

import argparse
from pathlib import Path
from typing import Literal, NamedTuple

from ablations.options import DEFAULT, count_option, wide_option
from sweeps.study.study import Study
from sweeps.study.sweep_file import load_study

EXAMPLES = [
    "report runs/demo",
    "report runs/demo --sweep sweeps/demo.yaml --out page",
    "report wandb:ENTITY/PROJECT/SWEEP",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="RUNS", help="folder of records, or wandb:ENTITY/PROJECT/SWEEP"
    )
    parser.add_argument("--sweep", type=Path, help="sweep file that lists the planned runs")
    count_option(parser)
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("runs"),
        help=f"folder for records from W&B {DEFAULT}",
    )
    parser.add_argument(
        "--out", type=Path, help="folder to write to (default: RUNS/report)"
    )
    parser.add_argument(
        "--pictures",
        choices=["few", "all", "none"],
        default="few",
        help=f"of the first settings, as many as 40 files hold; of all; of none {DEFAULT}",
    )
    wide_option(parser)
    parser.add_argument(
        "--wandb",
        choices=["offline", "online"],
        help="attach the report to the study's group in Weights & Biases, as a run's files",
    )


class Source(NamedTuple):
    """The folder of the records, the plan, and the W&B project that they are from."""

    folder: Path
    study: Study | None = None
    entity: str | None = None
    project: str | None = None


def run(args: argparse.Namespace) -> int:
    from reports.report import ReportOptions, write_report
    from reports.terminal import show

    source = source_of(args)
    out = args.out or source.folder / "report"
    planned = [run.config for run in source.study.runs()] if source.study else None
    report = write_report(source.folder, out, planned, ReportOptions(args.pictures))
    show(report.summary.parts, args.wide)
    if args.wandb:
        print(attach(source, out, args.wandb))
    return 0 if report.complete else 1


def source_of(args: argparse.Namespace) -> Source:
    """A sweep file overrides the plan from W&B."""
    from_wandb = args.folder.startswith("wandb:")
    source = fetch(args.folder, args.runs) if from_wandb else Source(Path(args.folder))
    if args.sweep:
        source = source._replace(study=load_study(args.sweep, args.count))
    return source


def fetch(address: str, runs_folder: Path) -> Source:
    from sweeps.collect import collect, parts_of

    entity, project, _ = parts_of(address)
    return Source(*collect(address, runs_folder), entity, project)


def attach(source: Source, out: Path, mode: Literal["offline", "online"]) -> str:
    from sweeps.publish import publish

    name = source.study.name if source.study else source.folder.resolve().name
    return publish(out, name, mode, source.project, source.entity)
