"""CPU time of a short run, compared with a plain loop that gives the same result.

    python -m tests.plain_loop --rounds 5

The loop uses the suite's network and batches, but neither Lightning nor torchmetrics. Both
train on digits and validate once, in turn, in one process on one thread; each figure is the
median over the rounds, in CPU seconds. Prints a table in Markdown. Raises AssertionError
unless both give the same training loss, validation loss and mIoU.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from pandas import DataFrame
from pytorch_lightning.loops.evaluation_loop import _EvaluationLoop
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from ablations.models import create_model
from ablations.run_config import RunConfig
from lightning_modules.data import create_data
from lightning_modules.execution import Execution
from lightning_modules.run import train

VOID = 255
CONFIG = RunConfig(encoder="tu-test_resnet", val_images=200, max_steps=40)


@dataclass
class Outcome:
    """The results of a run, and the CPU seconds of the whole run and of its validation."""

    train_loss: float
    val_loss: float
    miou: float
    whole: float
    validation: float


class Watch:
    """CPU seconds of this process."""

    seconds = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        start = time.process_time()
        yield
        self.seconds += time.process_time() - start


def suite(config: RunConfig) -> Outcome:
    """One run of the suite, with its record in a folder that is deleted afterwards."""
    whole, validation = Watch(), Watch()
    run = _EvaluationLoop.run

    def run_and_time(loop: Any) -> Any:
        with validation.running():
            return run(loop)

    execution = Execution(accelerator="cpu", progress_bar=False, val_every=config.max_steps)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(_EvaluationLoop, "run", run_and_time),
        whole.running(),
    ):
        record = train(config, Path(folder), execution)
    losses = [point["train_loss"] for point in record.curve if "train_loss" in point]
    return Outcome(
        losses[-1], record.val_loss, record.miou, whole.seconds, validation.seconds
    )


def plain(config: RunConfig) -> Outcome:
    """The same run as anyone would write it."""
    whole, validation = Watch(), Watch()
    with whole.running():
        data = create_data(config)
        torch.manual_seed(config.seed)
        classes = len(data.classes)
        model = create_model(
            config.model, config.encoder, classes, config.block, config.placement, "fast"
        )
        train_loss = fit(model, data.train_dataloader(), config)
        with validation.running():
            val_loss, miou = validate(model, data.val_dataloader(), classes)
    return Outcome(train_loss, val_loss, miou, whole.seconds, validation.seconds)


def fit(
    model: torch.nn.Module, batches: DataLoader[tuple[Tensor, Tensor]], config: RunConfig
) -> float:
    """Train and return the loss of the last step."""
    optimizer = torch.optim.AdamW(
        model.parameters(), config.lr, weight_decay=config.weight_decay
    )
    decay = torch.optim.lr_scheduler.PolynomialLR(optimizer, config.max_steps, 0.9)
    device = next(model.parameters()).device
    half = torch.autocast(device.type, torch.bfloat16, config.precision == "bf16-mixed")
    model.train()
    for step, batch in enumerate(batches):
        images, labels = (part.to(device, non_blocking=True) for part in batch)
        torch.manual_seed(1_000_003 * config.seed + step)  # for dropout
        with half:
            loss = F.cross_entropy(model(images), labels, ignore_index=VOID)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        decay.step()
    return loss.item()


@torch.no_grad()
def validate(
    model: torch.nn.Module, batches: DataLoader[tuple[Tensor, Tensor]], classes: int
) -> tuple[float, float]:
    """The loss per labelled pixel, and the mean IoU over the classes present."""
    model.eval()
    total, matrix = 0.0, torch.zeros(classes, classes, dtype=torch.long)
    for images, labels in batches:
        logits = model(images)
        total += F.cross_entropy(logits, labels, ignore_index=VOID, reduction="sum").item()
        labelled = labels != VOID
        pairs = classes * labels[labelled] + logits.argmax(1)[labelled]
        matrix += pairs.bincount(minlength=classes**2).view(classes, classes)
    both = matrix.diag().double()
    iou = both / (matrix.sum(0) + matrix.sum(1) - both)
    return total / int(matrix.sum()), iou.nanmean().item()


def compare(config: RunConfig, rounds: int) -> list[dict[str, object]]:
    """Rows of a table: the suite's CPU seconds, the loop's, and their ratio."""
    suite(config)  # warm-up
    plain(config)
    pairs = [(suite(config), plain(config)) for _ in range(rounds)]
    for ours, theirs in pairs:
        assert (ours.train_loss, ours.miou) == (theirs.train_loss, theirs.miou)
        assert abs(ours.val_loss - theirs.val_loss) < 1e-6 * theirs.val_loss
    rows: list[dict[str, object]] = []
    for part in ("whole", "validation"):
        ours, theirs = (
            statistics.median(getattr(pair[side], part) for pair in pairs)
            for side in (0, 1)
        )
        rows.append(
            {
                "block": config.block,
                "part": part,
                "suite (s)": ours,
                "loop (s)": theirs,
                "ratio": ours / theirs,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--block", nargs="+", default=["none", "psa_parallel"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, object]] = []
    for block in args.block:
        config = RunConfig.parse(CONFIG.model_dump() | {"block": block})
        rows += compare(config, args.rounds)
    table = DataFrame(rows).to_markdown(index=False, floatfmt=".3f")
    sys.stdout.write(f"torch {torch.__version__}, one thread, CPU seconds\n\n{table}\n")


if __name__ == "__main__":
    main()
