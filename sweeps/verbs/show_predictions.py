"""Draw what two trained networks predict, for images that a rule chooses.

RUN_A and RUN_B are folders of runs that kept their weights; RUN_A is usually the baseline.
The rules read the counts of every scored image that both runs keep.
"""

import argparse
from pathlib import Path

from ablations.model_options import add_flag
from ablations.option_types import Each, positive
from ablations.options import DEFAULT
from lightning_modules.execution import Execution, with_defaults
from reports.predictions import RULES, Rule

EXAMPLES = [
    "show-predictions runs/single/RUN_A runs/single/RUN_B",
    "show-predictions runs/single/RUN_A runs/single/RUN_B --rule difference --images 6",
    "show-predictions runs/single/RUN_A runs/single/RUN_B --image 0 --out first.png",
]
USUAL: tuple[Rule, ...] = ("worst", "median")


def add_options(parser: argparse.ArgumentParser) -> None:
    for name, text in (("RUN_A", "usually the baseline"), ("RUN_B", "with a block")):
        parser.add_argument(
            name.lower(), type=Path, metavar=name, help=f"folder of a run, {text}"
        )
    parser.add_argument(
        "--rule",
        choices=RULES,
        action=Each,
        help="which images: of the lowest, middle or highest mIoU with RUN_B, or of the "
        f"largest gains and losses over RUN_A; repeatable (default: {', '.join(USUAL)})",
    )
    parser.add_argument(
        "--images",
        type=positive,
        default=3,
        metavar="N",
        help=f"images for each rule {DEFAULT}",
    )
    parser.add_argument(
        "--image",
        action=Each,
        metavar="TITLE",
        help="title or number of an image, in place of a rule; repeatable",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("predictions.png"), help=f"file to write {DEFAULT}"
    )
    for key in ("accelerator", "data_folder"):
        add_flag(parser, key, Execution.model_fields[key])


def run(args: argparse.Namespace) -> None:
    from lightning_modules.data.contact_sheet import save_sheet
    from lightning_modules.machine import device_kind
    from sweeps.predictions import pair_of, picture_by_rules, picture_of_images

    values = vars(with_defaults(args))
    device = device_kind(values.get("accelerator", "auto"))
    pair = pair_of(args.run_a, args.run_b, values.get("data_folder"), device)
    if args.image:
        figure = picture_of_images(pair, args.image)
    else:
        figure = picture_by_rules(pair, args.rule or USUAL, args.images)
    save_sheet(figure, args.out)
    print(args.out)
