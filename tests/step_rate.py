"""Training steps per second, compared with a plain PyTorch loop over the same batches.

    python -m tests.step_rate --rounds 5
    python -m tests.step_rate --device cuda --precision bf16-mixed

Both train the suite's network on the suite's batches with the same optimizer and loss; the
loop uses no Lightning. They take turns, and the first steps of each are not counted. On a
CPU, steps are counted per CPU second of one thread, so a busy machine does not disturb
them; elsewhere per second of wall clock, with the device's work done. Prints a table in
Markdown: medians over the rounds, the median of the ratios, and their range.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch
from pandas import DataFrame
from torch import nn
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask

from ablations.models import create_model
from ablations.run_config import RunConfig
from lightning_modules.data import DATASETS, create_data
from lightning_modules.data.data_source import DataSource, Fill, Sample, SplitName
from lightning_modules.data.loader import Loader
from lightning_modules.execution import Execution
from lightning_modules.run import train
from tests.plain_loop import fit

DEVICES = {"cpu": "cpu", "cuda": "gpu"}  # Lightning's names
WARM_UP = 4  # steps


class NoiseImages:
    """A split of random images in memory, so that loading costs next to nothing."""

    fingerprint = "noise"

    def __init__(self, name: SplitName, size: int, folder: Path | None) -> None:
        random = torch.Generator().manual_seed(len(name))
        shape = (16, 3, size, size)
        self.images = torch.randint(256, shape, generator=random, dtype=torch.uint8)
        self.labels = self.images[:, 0] % 7

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        return Image(self.images[index]), Mask(self.labels[index])

    def title(self, index: int) -> str:
        return f"image {index}"

    def check(self, count: int) -> None:
        """Nothing to check."""


def flip(size: int, fill: Fill) -> nn.Module:
    transform: nn.Module = v2.RandomHorizontalFlip()
    return transform


def noise() -> DataSource:
    """Seven classes, as land cover has; nothing in them can be learned."""
    classes = tuple(f"class {number}" for number in range(7))
    return DataSource("noise", classes, NoiseImages, flip, lambda size: v2.Identity())


class Work(NamedTuple):
    """What is trained, and for how many steps."""

    name: str
    config: RunConfig

    def on(self, precision: str, steps: int) -> "Work":
        config = self.config.changed(precision=precision, max_steps=WARM_UP + steps + 1)
        return Work(self.name, config)


SMALL = RunConfig(
    encoder="tu-test_resnet", train_images=64, val_images=1
)  # all scenes are drawn in the warm-up
WORK = {
    "digits": Work("digits, 64x64, tu-test_resnet", SMALL),
    "land cover": Work(
        "as land cover, 256x256, resnet18",
        RunConfig(dataset="noise", image_size=256, batch_size=4, val_images=1),
    ),
}


class Clock:
    """Reads the time whenever a training of that many steps asks for a batch."""

    def __init__(self, device: str, steps: int) -> None:
        self.device, self.last = device, steps - 1
        self.times: list[float] = []

    def read(self) -> None:
        if self.device == "cpu":
            self.times.append(time.process_time())
        else:
            if len(self.times) in {WARM_UP, self.last}:
                torch.cuda.synchronize()
            self.times.append(time.perf_counter())

    def batches(self, source: Iterator[Any]) -> Iterator[Any]:
        while True:
            self.read()
            try:
                batch = next(source)
            except StopIteration:
                return
            yield batch

    def steps_per_second(self) -> float:
        """From the end of the warm-up to the last batch."""
        passed = self.times[self.last] - self.times[WARM_UP]
        return (self.last - WARM_UP) / passed


def timed(config: RunConfig, device: str, training: Callable[[], object]) -> float:
    """Steps per second of a training; the first iteration over a loader is the training."""
    clock, iterate = Clock(device, config.max_steps), Loader.__iter__
    pending = [clock.batches]

    def watch(loader: Loader) -> Iterator[Any]:
        batches = iterate(loader)
        return pending.pop()(batches) if pending else batches

    with mock.patch.object(Loader, "__iter__", watch):
        training()
    return clock.steps_per_second()


def suite(config: RunConfig, device: str, workers: int) -> float:
    execution = Execution(
        accelerator=DEVICES[device],
        progress_bar=False,
        workers=workers,
        val_every=config.max_steps,
    )
    with tempfile.TemporaryDirectory() as folder:
        return timed(config, device, lambda: train(config, Path(folder), execution))


def plain(config: RunConfig, device: str, workers: int) -> float:
    """Likewise with deterministic algorithms, which cost time on a GPU."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.deterministic = True
    data = create_data(config, workers=workers)
    torch.manual_seed(config.seed)
    classes = len(data.classes)
    model = create_model(
        config.model, config.encoder, classes, config.block, config.placement, "fast"
    ).to(device)
    loader = data.train_dataloader()
    return timed(config, device, lambda: fit(model, loader, config))


def compare(work: Work, device: str, workers: int, rounds: int) -> dict[str, object]:
    """A row of the table."""
    pairs = []
    for number in range(rounds):
        sides = [suite, plain] if number % 2 else [plain, suite]
        rates = {side: side(work.config, device, workers) for side in sides}
        pairs.append((rates[suite], rates[plain]))
        sys.stderr.write(
            f"{work.name}: {pairs[-1][0]:.2f} and {pairs[-1][1]:.2f} steps/s\n"
        )
    ratios = [ours / theirs for ours, theirs in pairs]
    return {
        "work": work.name,
        "precision": work.config.precision,
        "suite (steps/s)": statistics.median(ours for ours, _ in pairs),
        "loop (steps/s)": statistics.median(theirs for _, theirs in pairs),
        "ratio": statistics.median(ratios),
        "from": min(ratios),
        "to": max(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--device", choices=DEVICES, default="cpu")
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--work", nargs="+", choices=WORK, default=list(WORK))
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with mock.patch.dict(DATASETS, {"noise": noise}):
        for name in args.work:
            work = WORK[name].on(args.precision, args.steps)
            rows.append(compare(work, args.device, args.workers, args.rounds))
    table = DataFrame(rows).to_markdown(index=False, floatfmt=".3f")
    unit = "CPU seconds of one thread" if args.device == "cpu" else args.device
    sys.stdout.write(f"torch {torch.__version__}, {unit}\n\n{table}\n")


if __name__ == "__main__":
    main()
