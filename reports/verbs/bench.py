"""Time and memory of blocks, direct against fast, on this device."""

import argparse

from ablations.option_types import Each, plain_name, shape
from ablations.options import (
    DEFAULT,
    blocks_option,
    out_option,
    timing_options,
    wide_option,
)

EXAMPLES = [
    "bench --block psa_parallel --shape 1x512x64x64",
    "bench --block non_local --shape 1x256x128x128 --dtype bfloat16 --device cuda",
]
BLOCKS = ["psa_parallel", "psa_sequential"]
DTYPE = "float32"
SHAPES = [(1, 512, 64, 64), (4, 256, 64, 64), (8, 64, 128, 128)]


def add_options(parser: argparse.ArgumentParser) -> None:
    blocks_option(parser, " and ".join(BLOCKS))
    shapes = ", ".join("x".join(map(str, sides)) for sides in SHAPES)
    parser.add_argument(
        "--shape",
        type=shape,
        action=Each,
        metavar="BxCxHxW",
        help=f"shape of the input; repeatable (default: {shapes})",
    )
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


def bench_options(parser: argparse.ArgumentParser, name: str) -> None:
    """Options for timing, and for output files whose default name is name."""
    timing_options(parser)
    out_option(parser, "runs/bench")
    parser.add_argument(
        "--name", type=plain_name, default=name, help=f"name of the files {DEFAULT}"
    )
    wide_option(parser)


def run(args: argparse.Namespace) -> None:
    from ablations.benchmark.bench import Case, bench, find_device
    from reports.bench import bench_page, machine_line
    from reports.terminal import progress, show
    from reports.write.pages import write_parts

    device = find_device(args.device)
    cases = [
        Case(block, shape, dtype)
        for block in args.block or BLOCKS
        for shape in args.shape or SHAPES
        for dtype in args.dtype or [DTYPE]
    ]
    rows = bench(cases, device, args.threads, args.rounds, args.compiled)
    page = bench_page(args.name, progress(rows, "bench", len(cases)), args.compiled)
    print(machine_line(device, args.threads))
    show(page.parts, args.wide)
    print("written:", *write_parts(page, args.out), sep="\n  ")
