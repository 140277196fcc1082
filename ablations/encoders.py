"""The names of models, encoders and pretrained weights."""

from difflib import get_close_matches

import segmentation_models_pytorch as smp
import timm

from ablations.errors import InputError, unknown_name
from ablations.paper_models import PAPER_MODELS

# Every architecture of smp that takes a convolutional encoder.
SMP_MODELS = [name for name in smp.MODEL_ARCHITECTURES_MAPPING if name != "dpt"]
MODELS = [*SMP_MODELS, *PAPER_MODELS]
TIMM = "imagenet"  # what the weights of a timm encoder are called


def check_model(name: str) -> None:
    """InputError for a name that is not in MODELS."""
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)


def check_encoder(name: str) -> None:
    """InputError unless it is one of smp's or tu-NAME of a timm model with feature maps."""
    names = smp.encoders.get_encoder_names()
    if name.startswith("tu-"):
        check_timm(name)
    elif name not in names:
        raise unknown_name("encoder", name, names)


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
    if encoder.startswith("tu-"):
        pretrained = timm.models.is_model_pretrained(encoder.removeprefix("tu-"))
        names = [TIMM] if pretrained else []
    else:
        names = list(smp.encoders.encoders[encoder]["pretrained_settings"])
    if weights not in names:
        raise unknown_name(f"weights of encoder {encoder!r}:", weights, [*names, "none"])
