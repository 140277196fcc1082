"""Write the kept network of a run as an ONNX file.

The network takes images (B, 3, H, W) of any number B, normalised as the file's metadata
say, and returns logits (B, classes, H, W). Needs the package onnxscript.
"""

import argparse
from pathlib import Path

from ablations.option_types import size

EXAMPLES = [
    "export runs/single/RUN_ID --onnx network.onnx",
    "export runs/single/RUN_ID --onnx network.onnx --size 512x1024",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="the file")
    parser.add_argument(
        "--size",
        type=size_or_dynamic,
        metavar="HxW",
        help="height and width of images, or one number for a square, or `dynamic` for any "
        "that the network takes (default: image_size of the run)",
    )


def size_or_dynamic(text: str) -> object:
    return text if text == "dynamic" else size(text)


def run(args: argparse.Namespace) -> None:
    from lightning_modules.export import export_onnx
    from lightning_modules.weights import load_run

    trained = load_run(args.run_folder)
    side = trained.config.image_size
    export_onnx(trained, args.onnx, args.size or (side, side))
    print(args.onnx)
