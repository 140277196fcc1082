"""Write all records of a study into one file, Parquet or CSV.

`ablate report` and `ablate compare` read it in place of a folder.
"""

import argparse
from pathlib import Path

EXAMPLES = [
    "export-records runs/demo --out demo.csv",
    "export-records runs/demo runs/smoke --out results.parquet",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "places",
        metavar="RUNS",
        nargs="+",
        type=Path,
        help="folder of records, or a file that this verb wrote",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="file to write; its ending says how: .csv, or .parquet (needs pyarrow)",
    )


def run(args: argparse.Namespace) -> int:
    from reports.completeness import plural
    from reports.export import write_export
    from reports.reading import read_runs

    records = read_runs(*args.places).records
    write_export(records, args.out)
    print(f"{plural(len(records), 'record')}: {args.out}")
    return 0
