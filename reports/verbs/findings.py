"""Several studies on one page: which block helps, where, and at what price.

Each study keeps its own question, settings and tests; nothing is averaged over studies.
"""

import argparse
from pathlib import Path

from ablations.options import open_option, wide_option

EXAMPLES = [
    "findings runs/probe_cue runs/landcover",
    "findings cue.csv landcover.parquet --sweeps sweeps --out page",
    "findings runs/landcover --times runs/bench/bench-model.csv",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "places",
        metavar="RUNS",
        nargs="+",
        type=Path,
        help="folder of records, or file of `ablate export-records`: one study each, with "
        "the name of the folder or file",
    )
    parser.add_argument(
        "--sweeps",
        type=Path,
        default=Path("sweeps"),
        metavar="FOLDER",
        help="folder of sweep files: the comment at the head of NAME.yaml is the question "
        "of the study NAME (default: sweeps)",
    )
    parser.add_argument(
        "--times",
        type=Path,
        metavar="FILE",
        help="CSV file of `ablate bench-model`: also show what each block takes in "
        "time and memory",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/findings"),
        help="folder to write to (default: runs/findings)",
    )
    wide_option(parser)
    open_option(parser)


def run(args: argparse.Namespace) -> int:
    from ablations.errors import InputError
    from reports.browser import open_page
    from reports.overview.outcome import Studied
    from reports.overview.page import findings_page
    from reports.terminal import show
    from reports.write.pages import write_page

    studies = [Studied(place) for place in args.places]
    names = [study.name for study in studies]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InputError(f"{twice[0]}: two places have this name; rename one of them")
    page = findings_page(studies, args.sweeps, args.times)
    path = write_page(page, args.out, "findings")
    show(page.parts, args.wide)
    print(f"written: {path}, {path.with_suffix('.html').name}")
    if args.open:
        print(open_page(path.with_suffix(".html")))
    return 1 if any(study.reading.problems for study in studies) else 0
