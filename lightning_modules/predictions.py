"""Masks, pictures and probabilities of a trained network, for image files of any size."""

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.tv_tensors import Image

from ablations.errors import InputError, UnwritableError, first_line, writing
from ablations.whole_file import write_whole
from lightning_modules.data.image_files import colours, open_picture
from lightning_modules.data.segmentation_data import normalised_colours
from lightning_modules.inference import Inference
from lightning_modules.overlays import colours_of_classes, overlay
from lightning_modules.weights import TrainedRun

Labels = NDArray[np.uint8]  # (H, W)
Probabilities = NDArray[np.float16]  # (classes, H, W)


class Wanted(NamedTuple):
    """What is written beside the mask of an image."""

    overlay: bool = True
    probabilities: bool = False

    def files(self, image: Path, out: Path) -> list[Path]:
        """All that is written for an image, the mask first."""
        ends = {
            "mask.png": True,
            "overlay.png": self.overlay,
            "probabilities.npz": self.probabilities,
        }
        return [out / f"{image.stem}-{end}" for end, wanted in ends.items() if wanted]


def image_logits(
    trained: TrainedRun, inference: Inference, image: Tensor, device: str
) -> Tensor:
    """Of each class (classes, H, W), for an image (3, H, W), uint8; both on device."""
    colours = normalised_colours(image, trained.normalisation)
    with torch.inference_mode():
        return inference.logits(trained.model, colours[None].to(device))[0]


class Predictor:
    """A trained network on a device, and how it sees an image."""

    def __init__(
        self, trained: TrainedRun, inference: Literal["whole", "slide"], device: str
    ) -> None:
        self.trained, self.device = trained, device
        trained.model.to(device)
        config = trained.config.model_copy(update={"inference": inference})
        self.inference = Inference.of(config)
        self.inference.check()  # InputError for a network of one size

    def probabilities(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Of each class (classes, H, W), for an image (H, W, 3)."""
        image = Image(torch.from_numpy(pixels.transpose(2, 0, 1)))
        logits = image_logits(self.trained, self.inference, image, self.device)
        return logits.float().softmax(dim=0).cpu()

    def write(self, image: Path, out: Path, wanted: Wanted) -> None:
        """InputError for an image that cannot be read or predicted."""
        with open_picture(image) as picture:
            pixels = colours(picture, image)  # (H, W, 3)
        try:
            shares = self.probabilities(pixels)
        except InputError:  # of a network that does not take such images
            raise
        except (RuntimeError, ValueError, AssertionError) as error:
            height, width = pixels.shape[:2]
            reason = f"{first_line(error)}{remedy(error)}"
            raise InputError(f"{image}: {width}x{height} pixels: {reason}") from None
        labels = shares.argmax(dim=0).to(torch.uint8).numpy()  # (H, W)
        classes = self.trained.classes
        for path in wanted.files(image, out):
            if path.name.endswith("-mask.png"):
                write_picture(mask(labels, len(classes)), path)
            elif path.name.endswith("-overlay.png"):
                write_picture(overlay(pixels, labels, classes), path)
            else:
                write_probabilities(shares.half().numpy(), classes, path)


def remedy(error: Exception) -> str:
    """What may help against an error of a network, or nothing."""
    memory = isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
    return "; try --inference slide" if memory else ""


def mask(labels: Labels, classes: int) -> PIL.Image.Image:
    """The labels as an image with the colours of the classes."""
    picture = PIL.Image.fromarray(labels).convert("L")
    picture.putpalette(colours_of_classes(classes).flatten().tolist())
    return picture


def write_picture(picture: PIL.Image.Image, path: Path) -> None:
    content = io.BytesIO()
    picture.save(content, "PNG")
    write_whole(path, content.getbuffer())


def write_probabilities(shares: Probabilities, classes: Sequence[str], path: Path) -> None:
    content = io.BytesIO()
    np.savez_compressed(content, probabilities=shares, classes=np.array(classes))
    write_whole(path, content.getbuffer())


def predict(
    predictor: Predictor, images: Sequence[Path], out: Path, wanted: Wanted
) -> Iterator[str]:
    """For each image in turn what is wrong with it, or ''. Raises UnwritableError."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    for image in images:
        try:
            predictor.write(image, out, wanted)
        except UnwritableError:
            raise
        except InputError as error:
            yield str(error)
        else:
            yield ""


def find_images(paths: Iterable[Path]) -> list[Path]:
    """The files, and the images directly in the folders; InputError if there are none."""
    suffixes = set(PIL.Image.registered_extensions())
    images: list[Path] = []
    for path in paths:
        if not path.is_dir():
            images.append(path)
            continue
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in suffixes)
        if not inside:
            raise InputError(f"{path}: no image in this folder")
        images += inside
    for image in images:
        if not image.exists():
            raise InputError(f"{image}: no such file or folder")
    return list(dict.fromkeys(images))


def check_outputs(images: Sequence[Path], out: Path, wanted: Wanted) -> None:
    """InputError if two images have one output, or an output is an input."""
    inputs = {image.resolve(): image for image in images}
    sources: dict[Path, Path] = {}
    for image in images:
        for path in wanted.files(image, out):
            key = path.resolve()
            if key in inputs:
                raise InputError(
                    f"{path}: is an input and would be overwritten; use another --out "
                    "folder"
                )
            if sources.setdefault(key, image) != image:
                raise InputError(
                    f"{sources[key]} and {image} would both be written to {path}; predict "
                    "them into different --out folders"
                )
