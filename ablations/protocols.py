"""Published recipes: each is a source and the values that it gives to keys of a run.

A key that a run sets itself overrides the protocol's value. What a protocol says never
changes, as defaults do not: a run of the same name and keys would be another run.

The encoders' weights start from ImageNet, so a first run needs a network. What this suite
does differently from a source is in `departures`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ablations.errors import InputError, quoted, unknown_name
from ablations.spelling import one_spelling


class Protocol(NamedTuple):
    """What a paper or a code base does on its data set."""

    meaning: str
    source: str
    dataset: str  # a run with another one does not follow the protocol
    values: Mapping[str, Any]  # by key of RunConfig
    departures: tuple[str, ...]  # of this suite from the source, most important first


MMSEG = "https://github.com/open-mmlab/mmsegmentation (1.x), configs/deeplabv3plus"
# configs/_base_/schedules and configs/_base_/models/deeplabv3plus_r50-d8.py
MMSEG_VALUES: dict[str, Any] = {
    "model": "deeplabv3plus(decoder_channels=512, encoder_output_stride=8)",
    "encoder": "tu-resnet50c",
    "encoder_weights": "imagenet",
    "optimizer": "sgd",
    "lr": 0.01,
    "lr_floor": 1e-4,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "loss": "cross_entropy",
    "auxiliary_loss": 0.4,
    "validations": 10,
    "select": "last",
}
MMSEG_512 = MMSEG_VALUES | {
    "image_size": 512,
    "augmentation": "scale_crop(smallest=0.5, largest=2.0, shorter_side=512, "
    "most_of_one_class=0.75, distort=True)",
    "inference": "whole",
    "batch_size": 16,
}
OTHER_WEIGHTS = (
    "the encoder's ImageNet weights are timm's for this network (ResNet-50 with three 3x3 "
    "convolutions as its stem), not those of the source"
)
TEST_SCALE = (
    "whole images are scored as they are stored; the source enlarges or reduces them to a "
    "shorter side of 512 (a longer one of 2048 at most) and resizes the logits back"
)
PROTOCOLS: dict[str, Protocol] = {
    "psa-voc": Protocol(
        "DeepLabV3+ on VOC 2012 as the baselines of the PSA paper were trained",
        "Table 3 of arXiv 2107.00782 repeats the mIoU of "
        "https://github.com/VainF/DeepLabV3Plus-Pytorch (commit 4e1087d): README, section "
        "3.2, and the defaults of main.py. The paper does not print a recipe of its own.",
        "voc2012(train='trainaug')",
        {
            "model": "paper_deeplabv3plus",
            "encoder": "resnet50",
            "encoder_weights": "imagenet",
            "image_size": 513,
            "augmentation": "scale_crop(smallest=0.5, largest=2.0)",
            "inference": "dataset",  # the middle, at a shorter side of 513
            "batch_size": 16,
            "max_steps": 30_000,
            "optimizer": "sgd",
            "lr": 0.01,
            "lr_floor": 1e-6,
            "encoder_lr_factor": 0.1,
            "momentum": 0.9,
            "weight_decay": 1e-4,
            "validations": 300,
            "select": "best",
        },
        (
            "where a crop extends beyond the image its labels are void; the source pads "
            "them with 0, so it learns black margins as background",
            "as in the source, the reported mIoU is the best of 300 on the images that it "
            "is scored on, so it is optimistic",
        ),
    ),
    "mmseg-voc": Protocol(
        "DeepLabV3+ on VOC 2012 as mmsegmentation trains it, 40,000 steps",
        f"{MMSEG}/deeplabv3plus_r50-d8_4xb4-40k_voc12aug-512x512.py",
        "voc2012(train='trainaug')",
        MMSEG_512 | {"max_steps": 40_000},
        (TEST_SCALE, OTHER_WEIGHTS),
    ),
    "mmseg-cityscapes": Protocol(
        "DeepLabV3+ on Cityscapes as mmsegmentation trains it on squares, 80,000 steps",
        f"{MMSEG}/deeplabv3plus_r50-d8_4xb2-80k_cityscapes-769x769.py",
        "cityscapes",
        MMSEG_VALUES
        | {
            "image_size": 768,
            "augmentation": "scale_crop(smallest=0.5, largest=2.0, shorter_side=1024, "
            "most_of_one_class=0.75, distort=True)",
            "inference": "slide",
            "batch_size": 8,
            "max_steps": 80_000,
        },
        (
            "crops and windows are 768 pixels wide, and images 1024 x 2048; the source has "
            "769 and 1025 x 2049, with the corners of features aligned, which smp's "
            "DeepLabV3+ cannot do",
            OTHER_WEIGHTS,
        ),
    ),
    "mmseg-ade": Protocol(
        "DeepLabV3+ on ADE20K as mmsegmentation trains it, 160,000 steps",
        f"{MMSEG}/deeplabv3plus_r50-d8_4xb4-160k_ade20k-512x512.py",
        "ade20k",
        MMSEG_512 | {"max_steps": 160_000},
        (TEST_SCALE, OTHER_WEIGHTS),
    ),
}


def with_protocol(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, and the protocol's for keys that are not among them.

    InputError for an unknown protocol, and for a data set that is not the protocol's.
    """
    name = values["protocol"]
    if not isinstance(name, str) or name not in PROTOCOLS:
        raise unknown_name("protocol", name, PROTOCOLS)
    protocol = PROTOCOLS[name]
    dataset = values.get("dataset", protocol.dataset)
    if isinstance(dataset, str) and not equal(dataset, protocol.dataset):
        raise InputError(
            f"protocol {quoted(name)} is about {protocol.dataset}, but dataset = "
            f"{quoted(dataset)}; leave one of the two out"
        )
    return {**protocol.values, "dataset": protocol.dataset, **values}


def equal(dataset: str, other: str) -> bool:
    """Whether two texts name the same data set."""
    return one_spelling("dataset", dataset) == one_spelling("dataset", other)
