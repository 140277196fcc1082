"""Show where blocks are placed in a model, and what each of them costs."""

import argparse
from typing import TYPE_CHECKING

from ablations.options import (
    evaluation_option,
    network_options,
    out_option,
    size_option,
    wide_option,
)

if TYPE_CHECKING:
    from ablations.complexity.subjects import Setting

EXAMPLES = [
    "where --model unet --encoder resnet50 --block cbam --placement stages",
    "where --placement residual@4-5+decoder",
    "where --all --model unet --encoder resnet50 --size 512",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    network_options(parser, encoder="resnet18")
    parser.add_argument(
        "--all",
        action="store_true",
        help="every placement of the model, and --placement, on one page with a picture",
    )
    evaluation_option(parser, "count")
    size_option(parser, (64, 64), "of the image")
    out_option(parser, "runs/where")
    wide_option(parser)


def run(args: argparse.Namespace) -> None:
    from ablations.bare_models import BareModel
    from ablations.complexity.subjects import Setting
    from ablations.threads import on_threads
    from reports.terminal import show
    from reports.where import where_table

    bare = BareModel(args.model, args.encoder, 2)
    setting = Setting(bare, args.placement, args.size)
    with on_threads(1):
        if args.all:
            show_all(args, setting)
            return
        table = where_table(args.block, setting, args.evaluation)
    show([table], args.wide)


def show_all(args: argparse.Namespace, setting: "Setting") -> None:
    from ablations.placements import PLACEMENTS
    from reports.terminal import show
    from reports.where import placements_page
    from reports.write.pages import write_page

    names = dict.fromkeys([*PLACEMENTS, args.placement])
    settings = [setting._replace(placement=name) for name in names]
    page = placements_page(args.block, settings, args.evaluation)
    show(page.parts, args.wide)
    print(f"written: {write_page(page, args.out, 'placements')}")
