"""Compare two sets of runs of the same configurations, run by run.

Such as before and after a change of the code, on two machines, or of two people.
"""

import argparse
from pathlib import Path

from ablations.options import files_option, wide_option

EXAMPLES = [
    "compare runs/before runs/after",
    "compare runs/mine theirs.parquet --ignore source,evaluation --out runs/compared",
    "compare runs/before runs/after --strict",
]
PLACE = "folder of records, or file of `ablate export-records`"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="RUNS_A", type=Path, help=PLACE)
    parser.add_argument("b", metavar="RUNS_B", type=Path, help="the same")
    parser.add_argument(
        "--ignore",
        metavar="KEY,...",
        help="keys of the configuration in which paired runs may differ, such as "
        "source,evaluation (default: none)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 unless every run is in both places with the same result, to the "
        "last bit",
    )
    files_option(parser)
    wide_option(parser)


def run(args: argparse.Namespace) -> int:
    from reports.compare_page import compare_page
    from reports.reading import read_runs
    from reports.terminal import show
    from reports.write.pages import write_page

    ignored = keys(args.ignore)
    places = args.a, args.b
    page, same = compare_page(places, (read_runs(args.a), read_runs(args.b)), ignored)
    show(page.parts, args.wide)
    if args.out:
        print(f"written: {write_page(page, args.out, 'compare')}")
    return 1 if args.strict and not same else 0


def keys(text: str | None) -> list[str]:
    """The keys of a list such as source,evaluation."""
    from ablations.errors import unknown_name
    from ablations.run_config import RunConfig

    names = [] if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in RunConfig.model_fields:
            raise unknown_name("key", name, RunConfig.model_fields)
    return list(dict.fromkeys(names))
