"""Time and memory of a whole model with each block: bare, direct, fast."""

import argparse
from typing import TYPE_CHECKING

from ablations.option_types import part, two_or_more
from ablations.options import (
    DEFAULT,
    ENCODER,
    MODEL,
    blocks_option,
    placement_option,
    size_option,
)
from reports.verbs.bench import bench_options, effort_of, show_and_write

if TYPE_CHECKING:
    from ablations.complexity.subjects import Setting

EXAMPLES = [
    "bench-model --model deeplabv3plus --encoder resnet50 --size 512",
    "bench-model --block se --block psa_parallel --encoder resnet18 --placement stages",
]
CLASSES = 21


def add_options(parser: argparse.ArgumentParser) -> None:
    for kind, default, text in (
        ("model", "deeplabv3plus", MODEL),
        ("encoder", "resnet50", ENCODER),
    ):
        parser.add_argument(
            f"--{kind}", type=part(kind), default=default, help=f"{text} {DEFAULT}"
        )
    blocks_option(parser, "every block")
    placement_option(parser)
    size_option(parser, (512, 512), "of the images")
    parser.add_argument(
        "--batch-size",
        type=two_or_more,
        default=2,
        metavar="N",
        help=f"images per step; batch norm needs at least two {DEFAULT}",
    )
    bench_options(parser, "bench-model")


def run(args: argparse.Namespace) -> int:
    from ablations.attention import BLOCKS
    from ablations.benchmark.model_bench import model_cases
    from reports.bench import bench_model_page
    from reports.bench_rows import model_rows

    setting, effort = setting_of(args), effort_of(args)
    cases = model_cases(args.block or BLOCKS, setting, args.batch_size)
    rows = model_rows(cases, effort, args.out / f"{args.name}.jsonl")
    caption = (
        f"{args.model} with {args.encoder}, blocks at {args.placement}, images of "
        f"{args.size[0]}x{args.size[1]}, {args.batch_size} per step"
    )
    page = bench_model_page(args.name, rows, effort, caption)
    return show_and_write(page, rows, args)


def setting_of(args: argparse.Namespace) -> "Setting":
    """InputError for a model that cannot take images of that size."""
    from ablations.bare_models import BareModel
    from ablations.complexity.subjects import Setting
    from ablations.models import check_size

    bare = BareModel(args.model, args.encoder, CLASSES)
    check_size(bare, args.size)
    return Setting(bare, args.placement, args.size)
