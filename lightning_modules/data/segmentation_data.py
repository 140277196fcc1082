"""What a data set is to the rest: three splits, served as normalised batches."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision.transforms.v2.functional import normalize, to_dtype
from torchvision.tv_tensors import Image, Mask

from ablations.errors import InputError
from ablations.study import RunConfig
from lightning_modules.data.sampler import Draw, StepSampler

SplitName = Literal["train", "val", "test"]
Sample = tuple[Image, Mask]
VOID = 255  # label of pixels that count neither in the loss nor in mIoU

# Of ImageNet, in [0, 1]; what pretrained encoders expect.
MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]
FILL = {Image: [round(255 * mean) for mean in MEAN], Mask: VOID}  # beyond an image's edge


class Split(Protocol):
    """Images (3, H, W) and labels (H, W) as they are stored: uint8, of any size."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

    @property
    def fingerprint(self) -> str:
        """What the pixels depend on; equal exactly where the data are the same."""


class DataSource(NamedTuple):
    """A data set: how it is called, how a split is opened and brought to (size, size)."""

    label: str
    classes: tuple[str, ...]
    open: Callable[[SplitName, int, Path | None], Split]  # split, size, data folder
    augment: Callable[[int], nn.Module]  # by size; random, draws from torch's generator
    prepare: Callable[[int], nn.Module]  # by size; without chance


class SegmentationData(LightningDataModule):
    """Batches of images (B, 3, H, W), float32, normalised, and labels (B, H, W), int64.

    The training loader is one epoch of config.max_steps batches. Set first_step to the
    number of finished steps before a resumed fit, and the same batches follow as if there
    had been no interruption.
    """

    first_step = 0

    def __init__(
        self, config: RunConfig, source: DataSource, folder: Path | None, workers: int
    ) -> None:
        super().__init__()
        self.config, self.source, self.folder = config, source, folder
        self.workers = workers
        self.classes = source.classes
        self.train = self.open("train")
        self.val = self.open("val")
        self.fingerprint = f"{self.train.fingerprint}, {self.val.fingerprint}"
        self.train_images = first_images("train_images", config.train_images, self.train)
        self.val_images = first_images("val_images", config.val_images, self.val)

    def open(self, name: SplitName) -> Split:
        return self.source.open(name, self.config.image_size, self.folder)

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        config = self.config
        sampler = StepSampler(
            self.train_images,
            config.batch_size,
            config.max_steps,
            config.seed,
            self.first_step,
        )
        transform = self.source.augment if config.augment else self.source.prepare
        drawn = DrawnImages(self.train, transform(config.image_size), config.seed)
        return DataLoader(drawn, batch_sampler=sampler, num_workers=self.workers)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        return self.in_order(self.val, self.val_images)

    def test_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        test = self.open("test")
        return self.in_order(test, len(test))

    def in_order(self, split: Split, images: int) -> DataLoader[tuple[Tensor, Tensor]]:
        """The first so many images of a split, each once."""
        prepared = PreparedImages(split, self.source.prepare(self.config.image_size))
        return DataLoader(
            Subset(prepared, range(images)),
            self.config.batch_size,
            num_workers=self.workers,
        )


def first_images(key: str, wanted: int | None, split: Split) -> int:
    """How many images of a split a configuration uses; InputError: more than there are."""
    if wanted is not None and wanted > len(split):
        raise InputError(f"{key} = {wanted}: the data set has {len(split)}")
    return wanted or len(split)


class PreparedImages(Dataset[tuple[Tensor, Tensor]]):
    """A split as a network sees it."""

    def __init__(self, split: Split, transform: nn.Module) -> None:
        self.split, self.transform = split, transform

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, labels = self.transform(self.split[index])
        image = normalize(to_dtype(image, torch.float32, scale=True), MEAN, STD)
        return image.as_subclass(Tensor), labels.as_subclass(Tensor).long()


class DrawnImages(Dataset[tuple[Tensor, Tensor]]):
    """A split in training: chance in the transform depends on seed and draw alone."""

    def __init__(self, split: Split, transform: nn.Module, seed: int) -> None:
        self.prepared, self.seed = PreparedImages(split, transform), seed

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        chance = np.random.SeedSequence([self.seed, draw.number]).generate_state(1)
        with torch.random.fork_rng(devices=[]):
            # Without a GPU torch.manual_seed formats a traceback, which takes a millisecond.
            torch.default_generator.manual_seed(int(chance[0]))
            return self.prepared[draw.image]
