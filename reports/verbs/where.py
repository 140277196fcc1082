"""Show where blocks are placed in a model, and what each of them costs."""

import argparse

from ablations.options import DEFAULT, network_options, size_option, wide_option

EXAMPLES = ["where --model unet --encoder resnet50 --block cbam --placement stages"]


def add_options(parser: argparse.ArgumentParser) -> None:
    network_options(parser, encoder="resnet18")
    parser.add_argument(
        "--evaluation",
        choices=["direct", "fast"],
        default="fast",
        help=f"count blocks as published or as run here {DEFAULT}",
    )
    size_option(parser, (64, 64), "of the image")
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
        table = where_table(args.block, setting, args.evaluation)
    show([table], args.wide)
