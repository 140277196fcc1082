"""Write what a trained network sees in images: masks, overlays, probabilities.

RUN is the folder of a run that kept its weights. An image NAME.jpg becomes NAME-mask.png
(labels as a palette image), NAME-overlay.png (the image with its classes in colour) and,
if asked for, NAME-probabilities.npz (float16, classes x height x width).
"""

import argparse
import sys
from pathlib import Path

from ablations.errors import printable
from ablations.model_options import add_flag
from ablations.options import DEFAULT
from lightning_modules.execution import Execution

EXAMPLES = [
    "predict runs/single/RUN_ID photo.jpg --out predicted",
    "predict runs/single/RUN_ID folder-of-images --out predicted --inference slide",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument(
        "images",
        type=Path,
        nargs="+",
        metavar="IMAGE",
        help="image of any size, or a folder whose images are all predicted",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument(
        "--overlay",
        action=argparse.BooleanOptionalAction,
        default=True,
        help=f"write the image with its classes in colour {DEFAULT}",
    )
    parser.add_argument(
        "--probabilities",
        action="store_true",
        help="write the probability of each class at each pixel",
    )
    parser.add_argument(
        "--inference",
        choices=["whole", "slide"],
        default="whole",
        help="predict an image at once, or in overlapping windows of the run's "
        f"image_size {DEFAULT}",
    )
    add_flag(parser, "accelerator", Execution.model_fields["accelerator"])


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import track

    from lightning_modules.machine import device_kind
    from lightning_modules.predictions import (
        Predictor,
        Wanted,
        check_outputs,
        find_images,
        predict,
    )
    from lightning_modules.weights import load_run

    wanted = Wanted(args.overlay, args.probabilities)
    images = find_images(args.images)
    check_outputs(images, args.out, wanted)
    device = device_kind(getattr(args, "accelerator", "auto"))
    predictor = Predictor(load_run(args.run_folder), args.inference, device)
    console = Console(stderr=True)
    outcomes = predict(predictor, images, args.out, wanted)
    bad = 0
    for problem in track(
        outcomes,
        "predicting",
        len(images),
        console=console,
        disable=not console.is_terminal,
    ):
        if problem:
            bad += 1
            print(f"ablate: {printable(problem)}", file=sys.stderr)
    print(f"{len(images) - bad} of {len(images)} images  {args.out}")
    return 1 if bad else 0
