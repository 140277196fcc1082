"""Time and memory of blocks, direct against fast, on this device.

By default every block at the four stages of an encoder, for images of one or more sizes.
Each row is kept in OUT/NAME.jsonl as soon as it is measured. After an interruption the same
command goes on where it stopped.
"""

import argparse
from typing import TYPE_CHECKING

from ablations.errors import InputError
from ablations.option_types import Each, part, plain_name, shape, size
from ablations.options import (
    DEFAULT,
    ENCODER,
    blocks_option,
    call_option,
    out_option,
    timing_options,
    wide_option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ablations.benchmark.candidates import Effort
    from ablations.benchmark.cases import Case
    from ablations.benchmark.kept_rows import Row
    from reports.page import Page

EXAMPLES = [
    "bench --size 512 --size 1024x2048 --rounds 3 --seconds 10",
    "bench --block se --block gc --stages resnet18",
    "bench --block psa_parallel --shape 1x512x64x64 --wide",
    "bench --block non_local --shape 1x256x128x128 --dtype bfloat16 --device cuda",
]
DTYPE = "float32"
STAGES = "resnet50"
SIZE = (512, 512)


def add_options(parser: argparse.ArgumentParser) -> None:
    blocks_option(parser, "every block")
    shape_options(parser)
    parser.add_argument(
        "--dtype",
        choices=["float32", "float16", "bfloat16"],
        action=Each,
        help=f"type of input and parameters; repeatable (default: {DTYPE})",
    )
    parser.add_argument(
        "--compiled",
        action="store_true",
        help="also time torch.compile of the published form; needs a C++ compiler and "
        "takes up to several minutes per case",
    )
    bench_options(parser, "bench")


def shape_options(parser: argparse.ArgumentParser) -> None:
    shapes = parser.add_mutually_exclusive_group()
    shapes.add_argument(
        "--stages",
        type=part("encoder"),
        metavar="ENCODER",
        help="the shapes of one image at stages 2 to 5 of an encoder (default: "
        f"{STAGES}); {ENCODER}",
    )
    shapes.add_argument(
        "--shape",
        type=shape,
        action=Each,
        metavar="BxCxHxW",
        help="a shape in place of those of stages; repeatable",
    )
    parser.add_argument(
        "--size",
        type=size,
        action=Each,
        metavar="HxW",
        help="height and width of the image whose stages are measured, or one number for "
        f"a square; repeatable (default: {SIZE[0]})",
    )


def bench_options(parser: argparse.ArgumentParser, name: str) -> None:
    """Options for timing, and for output files whose default name is name."""
    timing_options(parser)
    call_option(parser)
    out_option(parser, "runs/bench")
    parser.add_argument(
        "--name", type=plain_name, default=name, help=f"name of the files {DEFAULT}"
    )
    wide_option(parser)


def run(args: argparse.Namespace) -> int:
    from reports.bench import bench_page
    from reports.bench_rows import block_rows

    cases, effort = cases_of(args), effort_of(args)
    rows = block_rows(cases, effort, args.compiled, args.out / f"{args.name}.jsonl")
    return show_and_write(bench_page(args.name, rows, effort, args.compiled), rows, args)


def effort_of(args: argparse.Namespace) -> "Effort":
    from ablations.benchmark.candidates import Effort
    from ablations.benchmark.devices import find_device

    return Effort(find_device(args.device), args.threads, args.rounds, args.seconds)


def show_and_write(page: "Page", rows: "Sequence[Row]", args: argparse.Namespace) -> int:
    """Returns the exit code: 1 if anything could not be measured."""
    from ablations.benchmark.kept_rows import is_complete
    from reports.page import Fold
    from reports.terminal import show
    from reports.write.pages import write_page

    folded = [part for part in page.parts if not isinstance(part, Fold)]
    show(page.parts if args.wide else folded, args.wide)
    print(f"written: {write_page(page, args.out, args.name)}")
    return int(not all(map(is_complete, rows)))


def cases_of(args: argparse.Namespace) -> "list[Case]":
    from ablations.attention import BLOCKS
    from ablations.benchmark.cases import shape_cases, stage_cases

    if args.shape and args.size:
        raise InputError("--size is that of an image; leave it out with --shape")
    blocks = args.block or [name for name in BLOCKS if name != "none"]
    dtypes = args.dtype or [DTYPE]
    if args.shape:
        return shape_cases(blocks, args.shape, dtypes)
    return stage_cases(blocks, args.stages or STAGES, args.size or [SIZE], dtypes)
