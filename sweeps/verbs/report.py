"""Turn the records of a study, or of several, into tables, plots and a report.

The exit code is 1 if a file of a run cannot be read or, with --sweep, if a planned run has
no record; the report then says which.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from ablations.errors import InputError
from ablations.model_options import add_flag
from ablations.options import (
    DEFAULT,
    count_option,
    open_option,
    runs_option,
    wide_option,
)
from lightning_modules.execution import Execution, with_defaults
from reports.view_options import asked_view, split_columns, view_options
from sweeps.study.study import Study
from sweeps.study.sweep_file import load_study

if TYPE_CHECKING:
    from reports.report import MoreParts

EXAMPLES = [
    "report runs/demo",
    "report runs/demo --sweep sweeps/demo.yaml --out page",
    "report runs/demo --open",
    "report runs/axes --rows block --columns placement --metric gain",
    "report runs/demo --columns block,miou,gain,params",
    "report runs/one runs/other results.csv --out page",
    "report runs/demo --predictions",
    "report wandb:ENTITY/PROJECT/SWEEP",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "places",
        metavar="RUNS",
        nargs="+",
        help="folder of records, file of `ablate export-records`, or "
        "wandb:ENTITY/PROJECT/SWEEP; several are reported together",
    )
    parser.add_argument("--sweep", type=Path, help="sweep file that lists the planned runs")
    count_option(parser)
    runs_option(parser, "folder for records from W&B")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder to write to (default: RUNS/report; needed for several RUNS)",
    )
    view_options(parser)
    parser.add_argument(
        "--pictures",
        choices=["few", "all", "none"],
        default="few",
        help=f"of the first settings, as many as 40 files hold; of all; of none {DEFAULT}",
    )
    wide_option(parser)
    open_option(parser)
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
    """The places of the records, the plan, and the W&B project that they are from."""

    places: list[Path]
    study: Study | None = None
    entity: str | None = None
    project: str | None = None


def run(args: argparse.Namespace) -> int:
    from reports.browser import open_page
    from reports.report import ReportOptions, write_report
    from reports.terminal import show

    keys, columns = split_columns(args)
    view = asked_view(args, keys)
    options = ReportOptions(args.pictures, view, columns, more_parts(args))
    source = source_of(with_defaults(args))
    out = args.out or usual_out(source.places)
    planned = [run.config for run in source.study.runs()] if source.study else None
    runs, *others = source.places
    report = write_report(runs, out, planned, options, others)
    show(report.summary.parts, args.wide)
    if args.open:
        print(open_page(report.page.with_suffix(".html")))
    if args.wandb:
        print(attach(source, out, args.wandb))
    return 0 if report.complete else 1


def usual_out(places: Sequence[Path]) -> Path:
    if len(places) > 1:
        raise InputError("a report of several folders needs --out, the folder to write to")
    place = places[0]
    return place.with_suffix(".report") if place.is_file() else place / "report"


def more_parts(args: argparse.Namespace) -> "MoreParts | None":
    if not args.predictions:
        return None
    from sweeps.prediction_parts import prediction_parts

    folder = getattr(with_defaults(args), "data_folder", None)
    return partial(prediction_parts, data_folder=folder)


def source_of(args: argparse.Namespace) -> Source:
    """A sweep file overrides the plan from W&B, which only a single sweep has."""
    sources = [
        fetch(place, args.runs) if place.startswith("wandb:") else Source([Path(place)])
        for place in args.places
    ]
    source = sources[0]
    if len(sources) > 1:
        source = Source([place for one in sources for place in one.places])
    if args.sweep:
        source = source._replace(study=load_study(args.sweep, args.count))
    return source


def fetch(address: str, runs_folder: Path) -> Source:
    from sweeps.collect import collect, parts_of

    entity, project, _ = parts_of(address)
    folder, study = collect(address, runs_folder)
    return Source([folder], study, entity, project)


def attach(source: Source, out: Path, mode: Literal["offline", "online"]) -> str:
    from sweeps.publish import publish

    name = source.study.name if source.study else source.places[0].resolve().name
    return publish(out, name, mode, source.project, source.entity)
