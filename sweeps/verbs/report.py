"""Turn the records in a folder into tables, plots and a report.

With --sweep, the exit code is 1 if a planned run has no record.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from ablations.model_options import add_flag
from ablations.options import DEFAULT, count_option, wide_option
from lightning_modules.execution import Execution, with_defaults
from sweeps.study.study import Study
from sweeps.study.sweep_file import load_study

if TYPE_CHECKING:
    from reports.report import MoreParts

EXAMPLES = [
    "report runs/demo",
    "report runs/demo --sweep sweeps/demo.yaml --out page",
    "report runs/demo --predictions",
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
    wide_option(parser)
    parser.add_argument(
        "--predictions",
        action="store_true",
        help="pictures of what kept networks predict: the baseline and the best block, for "
        "up to three settings (their data must be at hand)",
    )
    add_flag(parser, "data_folder", Execution.model_fields["data_folder"])
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
    from reports.report import write_report
    from reports.terminal import show

    source = source_of(args)
    out = args.out or source.folder / "report"
    planned = [run.config for run in source.study.runs()] if source.study else None
    report = write_report(source.folder, out, planned, more_parts(args))
    show(report.summary.parts, args.wide)
    if args.wandb:
        print(attach(source, out, args.wandb))
    return 0 if report.complete else 1


def more_parts(args: argparse.Namespace) -> "MoreParts | None":
    if not args.predictions:
        return None
    from sweeps.prediction_parts import prediction_parts

    folder = getattr(with_defaults(args), "data_folder", None)
    return partial(prediction_parts, data_folder=folder)


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
