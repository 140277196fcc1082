"""Models, encoders and pretrained weights by name, and the options that they take."""

from contextlib import suppress
from difflib import get_close_matches
from functools import cache

import segmentation_models_pytorch as smp
import timm
import torch

from ablations.encoder_weights import check_file
from ablations.errors import InputError, unknown_name
from ablations.notation import Part, parse_part
from ablations.paper_models import PAPER_MODELS
from ablations.part_options import (
    Build,
    check_known,
    checked_options,
    named_options,
    naming,
    plain_part,
)
from ablations.sources import FILE

# Every architecture of smp that takes a convolutional encoder.
SMP_MODELS = [name for name in smp.MODEL_ARCHITECTURES_MAPPING if name != "dpt"]
MODELS = [*SMP_MODELS, *PAPER_MODELS]
TIMM = "imagenet"  # what the weights of a timm encoder are called

# Arguments of a model that are not its options.
SET_ELSEWHERE = {
    "encoder_name": "the key encoder names the encoder",
    "encoder": "the key encoder names the encoder",
    "encoder_weights": "the key encoder_weights names the weights",
    "in_channels": "images have three channels",
    "classes": "the data set decides the classes",
    "activation": "the loss takes logits",
    "aux_params": "a model has one output here",
}
# Arguments of timm's models that smp sets, or that concern a classifier's head.
NOT_OF_FEATURES = {
    "pretrained", "in_chans", "output_stride", "features_only", "out_indices",
    "num_classes", "num_features", "global_pool", "head_conv", "device", "dtype",
    *SET_ELSEWHERE,
}  # fmt: skip


def check_model(text: str) -> None:
    """InputError for a name that is not in MODELS, and for options it does not have."""
    model_part(text)


def model_part(text: str) -> Part:
    """A model and its options, of the types that it takes."""
    part = plain_part("model", text)
    if part.name not in MODELS:
        raise unknown_name("model", part.name, MODELS)
    with naming("model", text):
        for name in part.options:
            if name in SET_ELSEWHERE:
                raise InputError(f"{name} is not an option: {SET_ELSEWHERE[name]}")
        build = model_class(part.name)
        check_known(part.options, named_options(build, SET_ELSEWHERE) or {})
        return part._replace(options=checked_options(build, part.options))


def model_class(name: str) -> Build:
    return PAPER_MODELS.get(name) or smp.MODEL_ARCHITECTURES_MAPPING[name]


def encoder_part(text: str) -> Part:
    """An encoder and its options, of the types that it takes.

    InputError unless it is one of smp's, which have no options, or tu-NAME of a timm model
    with feature maps.
    """
    part = plain_part("encoder", text)
    names = smp.encoders.get_encoder_names()
    if part.name.startswith("tu-"):
        check_timm(part.name)
    elif part.name not in names:
        raise unknown_name("encoder", part.name, names)
    if not part.options:
        return part
    with naming("encoder", text):
        if not part.name.startswith("tu-"):  # smp would ignore them
            raise InputError("smp's own encoders take no options; timm's, tu-NAME, do")
        build = timm_class(part.name)
        check_known(part.options, named_options(build, NOT_OF_FEATURES) or {})
        return part._replace(options=checked_options(build, part.options))


def check_encoder(text: str) -> None:
    """InputError for an unknown name, and for options that the encoder does not have."""
    encoder_part(text)


@cache
def timm_class(name: str) -> Build:
    """The class of a timm encoder tu-NAME, whose arguments are the encoder's options."""
    architecture = name.removeprefix("tu-")
    with suppress(Exception), torch.device("meta"):  # some compute with values
        return type(timm.create_model(architecture))
    return type(timm.create_model(architecture))


def name_of(text: str) -> str:
    """The name of a part without its options."""
    return parse_part(text).name


def check_timm(name: str) -> None:
    architecture, _, tag = name.removeprefix("tu-").partition(".")
    if ":" in architecture:
        raise InputError(
            f"encoder {name!r}: tu- takes timm's model names, such as tu-resnet18, "
            "not a hub or a folder"
        )
    if not timm.is_model(architecture):
        every = timm.list_models()
        alike = [other for other in every if other[:3] == architecture[:3]]
        alike = alike or get_close_matches(architecture, every, n=5, cutoff=0) or every[:5]
        raise unknown_name("encoder", name, [f"tu-{other}" for other in alike])
    tags = timm.list_models(f"{architecture}.*", pretrained=True)
    if tag and f"{architecture}.{tag}" not in tags:
        raise unknown_name("encoder", name, [f"tu-{other}" for other in tags])


def check_weights(encoder: str, weights: str | None) -> None:
    """InputError for weights that the encoder lacks, before anything is downloaded."""
    if weights is None:
        return
    if weights.startswith(FILE):
        check_file(weights)
        return
    encoder = name_of(encoder)
    if encoder.startswith("tu-"):
        pretrained = timm.models.is_model_pretrained(encoder.removeprefix("tu-"))
        names = [TIMM] if pretrained else []
    else:
        names = list(smp.encoders.encoders[encoder]["pretrained_settings"])
    if weights not in names:
        raise unknown_name(
            f"weights of encoder {encoder!r}:", weights, [*names, f"{FILE}PATH", "none"]
        )
