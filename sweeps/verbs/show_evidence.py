"""Draw where trained networks find what decides a scene of a probe."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from ablations.errors import InputError, quoted
from ablations.option_types import count
from ablations.options import DEFAULT, blocks_option, sweep_file_option
from ablations.run_config import RunConfig
from sweeps.study.sweep_file import load_study

EXAMPLES = [
    "show-evidence sweeps/demo.yaml --block none --block se --block gc",
    "show-evidence sweeps/demo.yaml --block gc --seed 1 --scene 5 --out gc.png",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    sweep_file_option(parser)
    blocks_option(parser, "all of the study")
    parser.add_argument(
        "--seed", type=count, metavar="N", help="seed (default: the study's first)"
    )
    parser.add_argument(
        "--scene",
        type=count,
        default=0,
        metavar="N",
        help=f"number of the scene in the split that is scored {DEFAULT}",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("evidence.png"), help=f"file to write {DEFAULT}"
    )


def run(args: argparse.Namespace) -> None:
    configs = [run.config for run in load_study(args.file, args.count).runs()]
    chosen = chosen_runs(configs, args.block, args.seed)
    from lightning_modules.evidence_picture import draw_evidence

    print(draw_evidence(chosen, args.scene, args.out))


def chosen_runs(
    configs: list[RunConfig], blocks: Iterable[str] | None, seed: int | None
) -> list[RunConfig]:
    """One run for each block, in order; InputError for one that the study lacks."""
    seed = configs[0].seed if seed is None else seed
    first: dict[str, RunConfig] = {}
    for config in configs:
        if config.seed == seed:
            first.setdefault(config.block, config)
    if not first:
        raise InputError(f"seed {seed}: the study has no run with it")
    blocks = list(blocks or first)
    for block in blocks:
        if block not in first:
            known = ", ".join(first)
            raise InputError(f"block {quoted(block)}: the study has {known}")
    return [first[block] for block in blocks]
