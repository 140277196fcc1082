"""The mIoU of a run by the definitions of other papers and libraries.

It needs what the run has kept of every scored image, images.npz beside its record.
"""

import argparse
from pathlib import Path

from ablations.options import files_option, wide_option

EXAMPLES = [
    "audit runs/smoke/RUN_ID",
    "audit runs/smoke/RUN_ID runs/smoke/OTHER_ID --out runs/audit",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="RUN", help="folder of a finished run"
    )
    files_option(parser)
    wide_option(parser)


def run(args: argparse.Namespace) -> None:
    from reports.audit_table import audit_table
    from reports.terminal import show
    from reports.write.files import write_tables

    table = audit_table(args.folders)
    show([table], args.wide)
    if args.out:
        print("written:", *write_tables([table], args.out), sep="\n  ")
