"""Parameters and multiply-adds of blocks, alone or in a model, at any resolution."""

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ablations.catalogue import conventions
from ablations.option_types import Each, part, up_to
from ablations.options import (
    DEFAULT,
    ENCODER,
    MODEL,
    blocks_option,
    channels_option,
    out_option,
    placement_option,
    size_option,
    wide_option,
)

if TYPE_CHECKING:
    from ablations.complexity.subjects import Setting
    from reports.page import Page, Table

EXAMPLES = [
    "cost --channels 512 --size 64",
    "cost --block se --block my_file:MyBlock --model unet --size 512x1024",
    "cost --model deeplabv3plus --block non_local --placement stages --size 8192",
    "cost --model unet --size 512 --convention torch",
    "cost --all --placement stages --size 512",
]
ENCODERS = ["resnet50", "mobilenet_v2", "efficientnet-b0"]  # of --all

LARGEST = 16_384  # channels
classes = up_to(65_536, "classes")


def add_options(parser: argparse.ArgumentParser) -> None:
    blocks_option(parser, "every block")
    channels_option(parser, LARGEST, 256, "a block alone")
    size_option(parser, (64, 64), "of a block's input, or of the image with --model,")
    model_options(parser)
    placement_option(parser)
    parser.add_argument(
        "--convention",
        default="macs",
        help=f"what is counted: {', '.join(conventions())} {DEFAULT}",
    )
    parser.add_argument(
        "--classes",
        type=classes,
        default=21,
        metavar="N",
        help=f"number of classes of the model {DEFAULT}",
    )
    out_option(parser, "runs/cost")
    wide_option(parser)


def model_options(parser: argparse.ArgumentParser) -> None:
    usual, *others = ENCODERS
    models = parser.add_mutually_exclusive_group()
    models.add_argument(
        "--model", type=part("model"), help=f"{MODEL} (default: the block alone)"
    )
    models.add_argument(
        "--all", action="store_true", help="count every smp model with each encoder"
    )
    parser.add_argument(
        "--encoder",
        type=part("encoder"),
        action=Each,
        help=f"{ENCODER}; repeatable (default: {usual}, with --all also "
        f"{' and '.join(others)})",
    )


def run(args: argparse.Namespace) -> None:
    from ablations.threads import on_threads
    from reports.terminal import show
    from reports.write.files import write_tables

    with on_threads(1):
        page, tables = page_and_tables(args)
    show(page.parts, args.wide)
    print("written:", *write_tables(tables, args.out), sep="\n  ")


def page_and_tables(args: argparse.Namespace) -> "tuple[Page, Sequence[Table]]":
    """The page for the terminal, and the tables for files."""
    from ablations.attention import BLOCKS
    from ablations.complexity.conventions import find_convention
    from reports.cost import blocks_page, model_page, survey_page, survey_table
    from reports.terminal import progress

    names = args.block or list(BLOCKS)
    convention = find_convention(args.convention)
    if not (args.model or args.all):
        page = blocks_page(names, args.channels, args.size, convention)
        return page, page.tables
    settings = list(settings_of(args))
    if len(settings) > 1:
        steps = progress(settings, "cost", len(settings))
        table = survey_table(names, steps, convention)
        return survey_page(table), [table]
    page = model_page(names, settings[0], convention)
    return page, page.tables


def settings_of(args: argparse.Namespace) -> "Iterator[Setting]":
    """The models to place blocks in, each with every encoder."""
    from ablations.bare_models import BareModel
    from ablations.complexity.subjects import Setting
    from ablations.encoders import SMP_MODELS

    for encoder in args.encoder or (ENCODERS if args.all else ENCODERS[:1]):
        for model in SMP_MODELS if args.all else [args.model]:
            bare = BareModel(model, encoder, args.classes)
            yield Setting(bare, args.placement, args.size)
