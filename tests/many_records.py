"""Records of a study of any size, to time a report on them.

    python -m tests.many_records FOLDER --runs 10000 --settings 200
    time ablate report FOLDER

Settings differ in placement and learning rate. Each has nine blocks, and as many seeds as
the number of runs requires. The numbers are made up.
"""

import argparse
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

from ablations.attention import BLOCKS
from ablations.placements import PLACEMENTS
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder

CLASSES = ["background", "zero", "one", "two", "three", "four", "five", "six", "seven"]
STEPS = range(4, 244, 4)


def configs(settings: int, seed: int) -> Iterator[RunConfig]:
    """One run of every block in every setting."""
    places = list(PLACEMENTS)[:4]
    for number, block in itertools.product(range(settings), list(BLOCKS)[:9]):
        lr = (10 + number // 4) / 10_000
        yield RunConfig(block=block, placement=places[number % 4], lr=lr, seed=seed)


def fake_record(config: RunConfig, draw: random.Random) -> RunRecord:
    iou = {name: draw.uniform(0.3, 0.6) for name in CLASSES}
    miou = sum(iou.values()) / len(iou)
    curve = [{"step": step, "train_loss": 1 / step} for step in STEPS]
    curve += [{"step": step, "val_miou": miou * step / 240} for step in (60, 120, 180, 240)]
    return RunRecord(
        config=config,
        miou=miou,
        iou=dict(iou),
        val_loss=0.5,
        curve=curve,
        params=1_000_000 + list(BLOCKS).index(config.block),
        macs=50_000_000 + 4 ** list(BLOCKS).index(config.block),
        macs_direct=50_000_000 + 4 ** list(BLOCKS).index(config.block),
        train_seconds=40.0,
        device="cpu (made up)",
        versions={"torch": "2"},
        commit="none",
        data="made up",
    )


def write(folder: Path, runs: int, settings: int) -> None:
    draw = random.Random(0)
    seeds = (configs(settings, seed) for seed in itertools.count())
    for config in itertools.islice(itertools.chain.from_iterable(seeds), runs):
        fake_record(config, draw).write(RunFolder(folder, config).record)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--settings", type=int, default=5)
    args = parser.parse_args()
    write(args.folder, args.runs, args.settings)
