"""Turn the records in a folder into tables, plots and a report.

With --sweep, the exit code is 1 if a planned run has no record.
"""

import argparse
from pathlib import Path
from typing import Literal, NamedTuple

from ablations.options import DEFAULT, count_option, open_option, wide_option
from reports.view_options import asked_view, view_options
from sweeps.study.study import Study
from sweeps.study.sweep_file import load_study

EXAMPLES = [
    "report runs/demo",
    "report runs/demo --sweep sweeps/demo.yaml --out page",
    "report runs/demo --open",
    "report runs/demo --rows block --columns placement --metric gain",
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
    view_options(parser)
    wide_option(parser)
    open_option(parser)
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
    from reports.browser import open_page
    from reports.report import write_report
    from reports.terminal import show

    source = source_of(args)
    out = args.out or source.folder / "report"
    planned = [run.config for run in source.study.runs()] if source.study else None
    report = write_report(source.folder, out, planned, asked_view(args))
    show(report.summary.parts, args.wide)
    if args.open:
        print(open_page(report.page.with_suffix(".html")))
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
