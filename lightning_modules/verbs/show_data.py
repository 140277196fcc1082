"""Write a contact sheet of a data set: images, with and without their masks."""

import argparse
from pathlib import Path

from ablations.model_options import add_flag, from_options
from ablations.notation import file_name
from ablations.option_types import part, positive, up_to
from ablations.options import DEFAULT
from lightning_modules.execution import Execution, with_defaults

EXAMPLES = ["show-data digits", "show-data digits --split val --size 128 --out val.png"]

sheet_side = up_to(4096, "pixels")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset", type=part("dataset"), help="data set, see `ablate list datasets`"
    )
    parser.add_argument(
        "--split",
        choices=["train", "val", "test"],
        default="train",
        help=f"part of the data set {DEFAULT}",
    )
    parser.add_argument(
        "--size",
        type=sheet_side,
        default=64,
        metavar="N",
        help=f"side of the images, in pixels {DEFAULT}",
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
    add_flag(parser, "data_folder", Execution.model_fields["data_folder"])


def run(args: argparse.Namespace) -> None:
    from lightning_modules.data import show_data

    out = args.out or Path(f"{file_name(args.dataset)}-{args.split}.png")
    folder = from_options(Execution, vars(with_defaults(args))).data_folder
    print(show_data(args.dataset, out, args.size, args.split, args.count, folder))
