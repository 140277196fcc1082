"""Score the kept weights of a run on a split of its data set, or of another one.

Prints mIoU and the IoU of each class, and writes a record of its own into the run's folder:
evaluation-DATASET-SPLIT-*.json. The run's record.json stays as it is.
"""

import argparse
from pathlib import Path

from ablations.model_options import add_flag, from_options
from ablations.option_types import part
from ablations.run_config import RunConfig
from lightning_modules.execution import Execution, with_defaults

EXAMPLES = [
    "evaluate runs/single/RUN_ID",
    "evaluate runs/single/RUN_ID --split test --test-augmentation flip",
]
KEYS = ("inference", "test_augmentation")
EXECUTION = ("accelerator", "workers", "data_folder")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument(
        "--dataset",
        type=part("dataset"),
        help="data set with the same classes (default: that of the run)",
    )
    parser.add_argument(
        "--split",
        choices=["val", "test"],
        help="part of the data set (default: the one that the run's record states)",
    )
    for key in KEYS:
        add_flag(parser, key, RunConfig.model_fields[key], "as in the run")
    for key in EXECUTION:
        add_flag(parser, key, Execution.model_fields[key])


def run(args: argparse.Namespace) -> None:
    from lightning_modules.evaluation import Scored, evaluate

    keys = {key: getattr(args, key, None) for key in KEYS}
    execution = from_options(Execution, vars(with_defaults(args)))
    result = evaluate(args.run_folder, Scored(args.dataset, args.split, **keys), execution)
    width = max(map(len, result.iou))
    for name, iou in result.iou.items():
        print(f"{name:{width}}  {'–' if iou is None else f'{100 * iou:.2f}':>6}")
    if result.miou_augmented is not None:
        print(f"mIoU {100 * result.miou_augmented:.2f} %  {result.test_augmentation}")
    print(f"mIoU {100 * result.miou:.2f} %  {args.run_folder / result.file_name}")
