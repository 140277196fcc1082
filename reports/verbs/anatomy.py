"""What blocks do without training: form, reach, contexts, symmetry, start, intensity."""

import argparse

from ablations.options import (
    blocks_option,
    channels_option,
    files_option,
    size_option,
    wide_option,
)

EXAMPLES = [
    "anatomy",
    "anatomy --block my_file:MyBlock --block se --block non_local",
    "anatomy --wide --out runs/anatomy",
]

LARGEST = 256  # channels


def add_options(parser: argparse.ArgumentParser) -> None:
    blocks_option(parser, "every block")
    channels_option(parser, LARGEST, 32, "a block's input")
    size_option(parser, (10, 12), "of a block's input")
    files_option(parser)
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
