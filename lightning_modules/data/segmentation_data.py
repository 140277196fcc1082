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
from lightning_modules.data.cached import CachedImages
from lightning_modules.data.data_source import VOID, DataSource, Fill, Split, SplitName
from lightning_modules.data.loader import Batch, Loader
from lightning_modules.data.paired_files import PairedFiles
from lightning_modules.data.preparation import scored_part
from lightning_modules.data.sampler import Draw, StepSampler, share
from lightning_modules.data.workers import choose_workers
from lightning_modules.inference import Inference
from lightning_modules.ranks import on_this_machine, rank, size


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
        cache: float = 0.0,  # bytes for decoded image files
    ) -> None:
        super().__init__()
        self.config, self.source, self.folder = config, source, folder
        self.workers, self.cache = workers, cache
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
        if name != "train":
            prepare = scored_part(self.config, self.source, {Image: 0, Mask: VOID})
        if not any((prepare(split[i])[1] != VOID).any() for i in range(images)):
            raise InputError(
                f"{self.source.label}, {name}: no labelled pixel in the {images} images in "
                f"use; all are void ({VOID})"
            )

    @cached_property
    def normalisation(self) -> Normalisation:
        """What the encoder's weights expect; looked up after they have been loaded."""
        return normalisation(self.config.encoder, self.config.encoder_weights)

    @property
    def fill(self) -> Fill:
        """Beyond an image's edge."""
        return {Image: mean_colour(self.normalisation), Mask: VOID}

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
            transform = augmentation(config, self.source, self.fill)
        else:
            transform = self.source.prepare(config.image_size)
        split = self.cached(self.train, self.train_images)
        prepared = PreparedImages(split, transform, self.normalisation)
        drawn = DrawnImages(prepared, config.seed)
        return Loader(
            drawn,
            batch_sampler=sampler,
            num_workers=self.workers_for(
                drawn,
                sampler.draw(0),
                config.batch_size * (config.max_steps - self.first_step),
            ),
            pin_memory=self.device == "cuda",
        )

    def cached(self, split: Split, images: int) -> Split:
        """The split, with its share of the memory if it consists of files."""
        if not isinstance(split, PairedFiles) or not self.cache:
            return split
        part = images / (self.train_images + self.val_images)
        return CachedImages(split, part * self.cache / on_this_machine())

    @cached_property
    def cached_val(self) -> Split:
        """Without processes that load data, it stays from one validation to the next."""
        return self.cached(self.val, self.val_images)

    @property
    def device(self) -> str:
        """The kind of the device that batches go to."""
        return self.trainer.strategy.root_device.type if self.trainer else "cpu"

    def workers_for(self, dataset: Dataset[Batch], draw: object, images: int) -> int:
        if self.workers is not None:
            return self.workers
        return choose_workers(dataset, draw, images, self.device)

    def val_dataloader(self) -> Loader:
        return self.in_order(self.cached_val, self.own_images("val"))

    def test_dataloader(self) -> Loader:
        self.check("test", self.test, len(self.test))
        return self.in_order(self.test, self.own_images("test"))

    def own_images(self, name: SplitName) -> range:
        """This device's share of the images of a split that are scored."""
        return share(self.images_of(name), rank(), size())

    def images_of(self, name: SplitName) -> int:
        """How many first images of a split are scored: of test, always all."""
        return self.val_images if name == "val" else len(self.test)

    def in_order(self, split: Split, images: range) -> Loader:
        """These images of a split, each once; one by one if their sizes may differ."""
        prepare = scored_part(self.config, self.source, self.fill)
        prepared = PreparedImages(split, prepare, self.normalisation)
        together = self.config.batch_size // size()
        return Loader(
            Subset(prepared, images),
            together if Inference.of(self.config).one_size else 1,
            num_workers=self.workers_for(prepared, 0, len(images)),
            pin_memory=self.device == "cuda",
        )

    @property
    def scored(self) -> Split:
        """The split whose scores a record states."""
        return self.test if self.config.score_on == "test" else self.val

    @property
    def scored_images(self) -> int:
        """How many first images of it are scored."""
        return self.images_of(self.config.score_on)

    def scored_titles(self) -> list[str]:
        """What these images are called, in their order."""
        return [self.scored.title(index) for index in range(self.scored_images)]


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
        colours = normalised_colours(image, self.normalised)
        return colours, labels.as_subclass(Tensor).long()


def normalised_colours(image: Tensor, normalised: Normalisation) -> Tensor:
    """An image (3, H, W), uint8, as the network gets it: float32."""
    image = to_dtype(image, torch.float32, scale=True)
    image = normalize(image, list(normalised.mean), list(normalised.std))
    return (image.flip(0) if normalised.reverse else image).as_subclass(Tensor)


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
