"""Finished runs that kept their networks, and the images that they were scored on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2.functional import center_crop

from ablations.errors import InputError, quoted
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RECORD
from lightning_modules.data import create_data
from lightning_modules.data.data_source import Sample, Split
from lightning_modules.data.preparation import scored_part
from lightning_modules.data.segmentation_data import SegmentationData
from lightning_modules.inference import Inference
from lightning_modules.predictions import image_logits
from lightning_modules.weights import TrainedRun, load_run, weights_file

EXAMPLES = 3  # titles in an error


class KeptRun(NamedTuple):
    """The record of a run, and its trained network in eval mode, on a device."""

    folder: Path
    record: RunRecord
    trained: TrainedRun
    device: str

    @property
    def config(self) -> RunConfig:
        return self.record.config

    @property
    def scored_step(self) -> int:
        """The step whose network the record scores."""
        return self.record.step or self.config.max_steps

    def predict(self, image: Tensor) -> NDArray[np.uint8]:
        """The class of each pixel of an image (3, H, W), uint8, as a run's scoring does."""
        logits = image_logits(self.trained, Inference.of(self.config), image, self.device)
        classes: NDArray[np.uint8] = logits.argmax(dim=0).byte().cpu().numpy()
        return classes


def read_kept(folder: Path, device: str = "cpu") -> KeptRun:
    """InputError for a folder without kept weights or without a record."""
    weights_file(folder)
    record = RunRecord.read_own(folder / RECORD)
    trained = load_run(folder)
    trained.model.to(device)
    return KeptRun(folder, record, trained, device)


class ScoredImages:
    """The images that the record of a run scores, as they are scored."""

    def __init__(self, run: KeptRun, data_folder: Path | None) -> None:
        self.config = run.config
        self.data: SegmentationData = create_data(self.config, data_folder)
        self.data.normalisation = run.trained.normalisation
        self.split: Split = self.data.scored
        self.titles = self.data.scored_titles()

    def sample(self, number: int) -> Sample:
        """Image (3, H, W) and labels (H, W), uint8, as they are scored."""
        prepare = scored_part(self.config, self.data.source, self.data.fill)
        sample: Sample = prepare(self.split[number])
        return sample

    def of_training_size(self, number: int) -> Sample:
        """The same, or of an image that is scored whole its middle of image_size."""
        image, labels = self.sample(number)
        size = [self.config.image_size] * 2
        return center_crop(image, size), center_crop(labels, size)

    def number_of(self, text: str) -> int:
        """The image with that title or number, or whose title alone begins like that."""
        if text in self.titles:
            return self.titles.index(text)
        if text.isascii() and text.isdigit() and int(text) < len(self.titles):
            return int(text)
        alike = [n for n, title in enumerate(self.titles) if title.startswith(text)]
        if len(alike) == 1:
            return alike[0]
        raise InputError(
            f"image {quoted(text)}: {len(alike) or 'no'} images are called so; there are "
            f"images 0 to {len(self.titles) - 1}, such as {examples(self.titles)}"
        )

    @property
    def place(self) -> str:
        """The data set and the split, as titles name them."""
        source = self.data.source.label
        return f"{source}, {self.config.score_on}, {len(self.titles):,} images"


def examples(titles: Sequence[str]) -> str:
    return ", ".join(map(quoted, titles[:EXAMPLES]))


def pixels(image: Tensor) -> NDArray[Any]:
    """An image (3, H, W), uint8, as (H, W, 3) in [0, 1]."""
    shown: NDArray[Any] = image.numpy().transpose(1, 2, 0) / 255
    return shown
