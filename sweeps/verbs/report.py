"""Turn the records below a folder into tables, a plot and a report.

With --sweep the exit code is 1 if a planned run has no record.
"""

import argparse
from pathlib import Path

from ablations.options import count_option, wide_option

EXAMPLES = [
    "report runs/demo",
    "report runs/demo --sweep sweeps/demo.yaml --out page",
    "report wandb:ENTITY/PROJECT/SWEEP",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="RUNS", help="folder of records, or wandb:ENTITY/PROJECT/SWEEP"
    )
    parser.add_argument("--sweep", type=Path, help="sweep file that says what was planned")
    count_option(parser)
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="for records of W&B"
    )
    parser.add_argument("--out", type=Path, help="default: RUNS/report")
    wide_option(parser)
    parser.add_argument(
        "--wandb",
        choices=["offline", "online"],
        help="attach the report to the study's group in Weights & Biases, as a run's files",
    )


def run(args: argparse.Namespace) -> int:
    from reports.report import write_report
    from reports.terminal import show
    from sweeps.study.sweep_file import load_study

    folder, study = Path(args.folder), None
    entity, project = None, None
    if args.folder.startswith("wandb:"):
        from sweeps.collect import collect, parts_of

        folder, study = collect(args.folder, args.runs)
        entity, project, _ = parts_of(args.folder)
    if args.sweep:
        study = load_study(args.sweep, args.count)
    out = args.out or folder / "report"
    planned = [run.config for run in study.runs()] if study else None
    report = write_report(folder, out, planned)
    show(report.summary.parts, args.wide)
    if args.wandb:
        from sweeps.publish import publish

        name = study.name if study else folder.resolve().name
        print(publish(out, name, args.wandb, project, entity))
    return 0 if report.complete else 1
