"""Check a block in a network before training: promises, scale, gradients, cost."""

import argparse

from ablations.options import (
    DEFAULT,
    evaluation_option,
    files_option,
    network_options,
    size_option,
    wide_option,
)

EXAMPLES = [
    "check --block psa_sequential --encoder resnet50 --init identity",
    "check --block my_file:MyBlock --model unet --placement stages",
    "check --block se --encoder resnet50 --encoder-weights imagenet --out runs/check",
]
CLASSES = 21


def add_options(parser: argparse.ArgumentParser) -> None:
    network_options(parser, encoder="resnet18")
    parser.add_argument(
        "--init",
        choices=["plain", "identity"],
        default="plain",
        help=f"how blocks start: as built, or behind a zero gate {DEFAULT}",
    )
    parser.add_argument(
        "--encoder-weights",
        type=lambda text: None if text == "none" else text,
        metavar="NAME",
        help="pretrained weights of the encoder, such as imagenet (default: random)",
    )
    evaluation_option(parser, "run")
    size_option(parser, (64, 64), "of the images")
    files_option(parser)
    wide_option(parser)


def run(args: argparse.Namespace) -> int:
    """1 if the block breaks what every block promises."""
    from ablations.bare_models import BareModel
    from ablations.check.finding import any_broken
    from ablations.check.insertion_check import check_insertion
    from ablations.models import Network
    from ablations.wrappers import started
    from reports.check import check_table
    from reports.terminal import show
    from reports.write.files import write_tables

    bare = BareModel(args.model, args.encoder, CLASSES)
    block = started(args.block, args.init)
    network = Network(bare, args.encoder_weights, block, args.placement, args.size)
    findings = check_insertion(network, args.evaluation)
    table = check_table(network, findings)
    show([table], args.wide)
    if args.out:
        print("written:", *write_tables([table], args.out), sep="\n  ")
    return 1 if any_broken(findings) else 0
