"""Draw what the blocks of a trained network attend to in an image.

RUN is the folder of a run that kept its weights. For each place of a block: its spatial
masks, its channel weights, and how much it changes each position, all with their ranges.
"""

import argparse
from pathlib import Path

from ablations.model_options import add_flag
from ablations.option_types import Each, count
from ablations.options import DEFAULT
from lightning_modules.execution import Execution, with_defaults

EXAMPLES = [
    "show-attention runs/single/RUN_ID --image 0",
    "show-attention runs/single/RUN_ID --image 12 --place 0 --place 3 --out attention.svg",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument(
        "--image",
        default="0",
        metavar="TITLE",
        help=f"title or number of an image of the split that the run scores {DEFAULT}",
    )
    parser.add_argument(
        "--place",
        type=count,
        action=Each,
        metavar="K",
        help="number of a place, from 0, as `ablate where` lists them; repeatable "
        "(default: all, or six of them)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("attention.png"), help=f"file to write {DEFAULT}"
    )
    for key in ("accelerator", "data_folder"):
        add_flag(parser, key, Execution.model_fields[key])


def run(args: argparse.Namespace) -> None:
    from lightning_modules.data.contact_sheet import save_sheet
    from lightning_modules.machine import device_kind
    from sweeps.attention import picture_of_attention
    from sweeps.kept_runs import ScoredImages, read_kept

    values = vars(with_defaults(args))
    kept = read_kept(args.run_folder, device_kind(values.get("accelerator", "auto")))
    images = ScoredImages(kept, values.get("data_folder"))
    figure = picture_of_attention(kept, images, images.number_of(args.image), args.place)
    save_sheet(figure, args.out)
    print(args.out)
