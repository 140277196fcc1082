"""What blocks do without training: form, reach, contexts, symmetry, start, intensity."""

import argparse
from pathlib import Path

from ablations.option_types import Each, part, up_to
from ablations.options import BLOCK, DEFAULT, size_option, wide_option

EXAMPLES = [
    "anatomy",
    "anatomy --block my_file:MyBlock --block se --block non_local",
    "anatomy --wide --out runs/anatomy",
]

channels = up_to(256, "channels")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--block",
        type=part("block"),
        action=Each,
        help=f"{BLOCK}; repeatable (default: every block)",
    )
    parser.add_argument(
        "--channels",
        type=channels,
        default=32,
        metavar="N",
        help=f"channels of a block's input {DEFAULT}",
    )
    size_option(parser, (10, 12), "of a block's input")
    parser.add_argument("--out", type=Path, help="folder for files (default: no files)")
    wide_option(parser)


def run(args: argparse.Namespace) -> None:
    from ablations.attention import BLOCKS
    from reports.anatomy import anatomies, anatomy_page
    from reports.terminal import progress, show
    from reports.write.pages import write_page

    names = args.block or list(BLOCKS)
    steps = progress(names, "anatomy", len(names))
    found, problems = anatomies(steps, args.channels, args.size)
    page = anatomy_page(found, args.channels, args.size, problems)
    show(page.tables, args.wide)
    if args.out:
        print("written:", write_page(page, args.out, "anatomy"))
