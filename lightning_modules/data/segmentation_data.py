"""A data set as the rest of the code sees it: three splits, as normalised batches."""

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import Dataset, Subset
from torchvision.transforms.v2.functional import normalize, to_dtype
from torchvision.tv_tensors import Image, Mask

from ablations.errors import InputError
from ablations.normalisation import Normalisation, normalisation
from ablations.run_config import RunConfig
from lightning_modules.data.augmentations import augmentation
from lightning_modules.data.data_source import VOID, DataSource, Split, SplitName
from lightning_modules.data.loader import Batch, Loader
from lightning_modules.data.sampler import Draw, StepSampler, share
from lightning_modules.ranks import rank, size


class SegmentationData(LightningDataModule):
    """Batches of images (B, 3, H, W), float32, normalised, and labels (B, H, W), int64.

    The training loader is one epoch of config.max_steps batches. Set first_step to the
    number of finished steps before resuming, and the batches continue as if there had been
    no interruption.
    """

    first_step = 0

    def __init__(
        self,
        config: RunConfig,
        source: DataSource,
        folder: Path | None,
        workers: int | None,
    ) -> None:
        super().__init__()
        self.config, self.source, self.folder = config, source, folder
        self.workers = workers or 0
        self.classes = source.classes
        self.train = self.open("train")
        self.val = self.open("val")
        splits = {"train": self.train, "val": self.val}
        if config.score_on == "test":
            splits["test"] = self.test
        self.fingerprint = ", ".join(split.fingerprint for split in splits.values())
        self.train_images = first_images("train_images", config.train_images, self.train)
        self.val_images = first_images("val_images", config.val_images, self.val)
        self.check("train", self.train, self.train_images)
        self.check("val", self.val, self.val_images)
        if config.score_on == "test":
            self.check("test", self.test, len(self.test))

    def open(self, name: SplitName) -> Split:
        return self.source.open(name, self.config.image_size, self.folder)

    @cached_property
    def test(self) -> Split:
        """Opened if it is scored, or asked for."""
        return self.open("test")

    def check(self, name: SplitName, split: Split, images: int) -> None:
        """InputError if that many first images of a split cannot be used."""
        if images < size():
            raise InputError(
                f"{self.source.label}, {name}: {images} images in use, fewer than the "
                f"{size()} devices"
            )
        split.check(images)
        prepare = self.source.prepare(self.config.image_size)
        if not any((prepare(split[i])[1] != VOID).any() for i in range(images)):
            raise InputError(
                f"{self.source.label}, {name}: no labelled pixel in the {images} images in "
                f"use; all are void ({VOID})"
            )

    @cached_property
    def normalisation(self) -> Normalisation:
        """What the encoder's weights expect; looked up after they have been loaded."""
        return normalisation(self.config.encoder, self.config.encoder_weights)

    def train_dataloader(self) -> Loader:
        config = self.config
        sampler = StepSampler(
            self.train_images,
            config.batch_size,
            config.max_steps,
            config.seed,
            self.first_step,
            rank(),
            size(),
        )
        if config.augment:
            fill = {Image: mean_colour(self.normalisation), Mask: VOID}
            transform = augmentation(config, self.source, fill)
        else:
            transform = self.source.prepare(config.image_size)
        prepared = PreparedImages(self.train, transform, self.normalisation)
        drawn = DrawnImages(prepared, config.seed)
        return Loader(drawn, batch_sampler=sampler, num_workers=self.workers)

    def val_dataloader(self) -> Loader:
        return self.in_order(self.val, self.val_images)

    def test_dataloader(self) -> Loader:
        self.check("test", self.test, len(self.test))
        return self.in_order(self.test, len(self.test))

    def in_order(self, split: Split, images: int) -> Loader:
        """This device's share of that many first images of a split, each once."""
        prepare = self.source.prepare(self.config.image_size)
        prepared = PreparedImages(split, prepare, self.normalisation)
        own = Subset(prepared, share(images, rank(), size()))
        return Loader(own, self.config.batch_size // size(), num_workers=self.workers)


def first_images(key: str, limit: int | None, split: Split) -> int:
    """The number of images that a configuration uses; InputError if the split has fewer."""
    if limit is not None and limit > len(split):
        raise InputError(f"{key} = {limit}: the data set has only {len(split)}")
    return limit or len(split)


def mean_colour(normalised: Normalisation) -> list[int]:
    """The colour, as stored, that the network sees as 0."""
    return [round(255 * mean) for mean in normalised.mean]


class PreparedImages(Dataset[Batch]):
    """A split as a network sees it."""

    def __init__(
        self, split: Split, transform: nn.Module, normalised: Normalisation
    ) -> None:
        self.split, self.transform, self.normalised = split, transform, normalised

    def __getitem__(self, index: int) -> Batch:
        image, labels = self.transform(self.split[index])
        image = to_dtype(image, torch.float32, scale=True)
        image = normalize(image, list(self.normalised.mean), list(self.normalised.std))
        if self.normalised.reverse:
            image = image.flip(0)
        return image.as_subclass(Tensor), labels.as_subclass(Tensor).long()


class DrawnImages(Dataset[Batch]):
    """A split in training: the transform's randomness depends on seed and draw alone."""

    def __init__(self, prepared: PreparedImages, seed: int) -> None:
        self.prepared, self.seed = prepared, seed

    def __getitem__(self, draw: Draw) -> Batch:
        chance = np.random.SeedSequence([self.seed, draw.number]).generate_state(1)
        with torch.random.fork_rng(devices=[]):
            # Without a GPU torch.manual_seed formats a traceback, a millisecond each time.
            torch.default_generator.manual_seed(int(chance[0]))
            return self.prepared[draw.image]
