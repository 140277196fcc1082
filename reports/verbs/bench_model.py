"""Time and memory of a training step of a whole model: bare, direct, fast."""

import argparse
from typing import TYPE_CHECKING

from ablations.option_types import two_or_more
from ablations.options import DEFAULT, network_options, size_option
from reports.verbs.bench import bench_options

if TYPE_CHECKING:
    from torch import nn

    from ablations.attention.base import Evaluation

EXAMPLES = ["bench-model --model deeplabv3plus --encoder resnet50 --size 512"]
CLASSES = 21


def add_options(parser: argparse.ArgumentParser) -> None:
    network_options(parser, encoder="resnet50")
    size_option(parser, (512, 512), "of the images")
    parser.add_argument(
        "--batch-size",
        type=two_or_more,
        default=2,
        metavar="N",
        help=f"images per step; batch norm needs at least two {DEFAULT}",
    )
    bench_options(parser, "bench-model")


def run(args: argparse.Namespace) -> None:
    from ablations.bare_models import BareModel
    from ablations.benchmark.bench import bench_model, find_device, model_cases
    from ablations.models import Network, check_network, create_model
    from reports.bench import bench_model_page, machine_line
    from reports.terminal import progress, show
    from reports.write.pages import write_parts

    bare = BareModel(args.model, args.encoder, CLASSES)
    check_network(Network(bare, None, args.block, args.placement, args.size))
    device = find_device(args.device)

    def network(block: str, evaluation: "Evaluation") -> "nn.Module":
        return create_model(*bare, block, args.placement, evaluation, image_size=args.size)

    shape = (args.batch_size, 3, *args.size)
    cases = model_cases(args.block)
    rows = bench_model(cases, network, shape, device, args.threads, args.rounds)
    page = bench_model_page(args.name, progress(rows, "bench-model", len(cases)))
    print(machine_line(device, args.threads))
    show(page.parts, args.wide)
    print("written:", *write_parts(page, args.out), sep="\n  ")
