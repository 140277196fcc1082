"""Check a data set, show its images, or download it.

check decodes every file, counts the pixels of each class, finds images that are in two
splits, and lists each problem: exit code 0 without problems, else 1. show draws images
with and without their masks.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from ablations.errors import InputError, printable
from ablations.model_options import add_flag, from_options
from ablations.notation import file_name
from ablations.option_types import Each, part, positive, up_to
from ablations.options import DEFAULT
from lightning_modules.execution import Execution, with_defaults

EXAMPLES = [
    "data check digits --split val",
    "data check \"folder(root='photos')\" --out problems.txt",
    "data show digits --split val --size 128 --out val.png",
    "data download voc2012 --data-folder data",
]
SPLITS = ["train", "val", "test"]

image_side = up_to(4096, "pixels")


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(
        metavar="ACTION", required=True, dest="action", help="check, show or download"
    )
    check_options(actions.add_parser("check", help="look at every image and mask"))
    show_options(actions.add_parser("show", help="write a contact sheet"))
    download = actions.add_parser(
        "download", help="fetch a data set, where that is allowed"
    )
    download.add_argument("dataset", help="data set, see `ablate list datasets`")
    add_flag(download, "data_folder", Execution.model_fields["data_folder"])


def check_options(parser: argparse.ArgumentParser) -> None:
    dataset_options(parser)
    parser.add_argument(
        "--split",
        choices=SPLITS,
        action=Each,
        help="part of the data set; repeatable (default: all)",
    )
    parser.add_argument(
        "--workers",
        type=up_to(256, "threads"),
        default=os.cpu_count() or 1,
        metavar="N",
        help="threads that read images (default: one for each core)",
    )
    parser.add_argument("--out", type=Path, help="file for the list of problems")


def show_options(parser: argparse.ArgumentParser) -> None:
    dataset_options(parser)
    parser.add_argument(
        "--split", choices=SPLITS, default="train", help=f"part of the data set {DEFAULT}"
    )
    parser.add_argument(
        "--count",
        type=positive,
        default=24,
        metavar="N",
        help=f"number of images from the start of the split {DEFAULT}",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="file to write, or an existing folder for it (default: DATASET-SPLIT.png)",
    )


def dataset_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset", type=part("dataset"), help="data set, see `ablate list datasets`"
    )
    parser.add_argument(
        "--size",
        type=image_side,
        default=64,
        metavar="N",
        help=f"side of the images, in pixels {DEFAULT}",
    )
    add_flag(parser, "data_folder", Execution.model_fields["data_folder"])


def run(args: argparse.Namespace) -> int:
    folder = from_options(Execution, vars(with_defaults(args))).data_folder
    code: int = ACTIONS[args.action](args, folder)
    return code


def check(args: argparse.Namespace, folder: Path | None) -> int:
    from rich.console import Console

    from ablations.whole_file import write_whole
    from lightning_modules.data import find_dataset
    from lightning_modules.data.inspection import inspect
    from lightning_modules.data.inspection_table import table_of

    source = find_dataset(args.dataset, folder)
    names = args.split or source.splits
    splits, problems = inspect(source, folder, names, args.size, args.workers)
    if splits:
        wide = 40 + 40 * len(splits)
        console = Console(markup=False, emoji=False, highlight=False, width=wide)
        console.print(table_of(source.classes, splits))
    print(*(map(printable, problems or ["no problems found"])), sep="\n")
    if args.out:
        write_whole(args.out, "".join(f"{line}\n" for line in problems).encode())
    return 1 if problems else 0


def show(args: argparse.Namespace, folder: Path | None) -> int:
    from lightning_modules.data import show_data

    out = args.out or Path(f"{file_name(args.dataset)}-{args.split}.png")
    print(show_data(args.dataset, out, args.size, args.split, args.count, folder))
    return 0


def fetch(args: argparse.Namespace, folder: Path | None) -> int:
    if folder is None:
        raise InputError("data download: pass --data-folder or set ABLATE_DATA")
    from lightning_modules.data.download import download

    download(args.dataset, folder)
    return 0


ACTIONS: dict[str, Any] = {"check": check, "show": show, "download": fetch}
