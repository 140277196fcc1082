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


def find_model(name: str) -> str:
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    return name


def find_encoder(name: str) -> str:
    """smp's own encoders, and every model of timm that gives feature maps as tu-NAME."""
    if name.startswith("tu-"):
        return find_timm(name)
    known = smp.encoders.get_encoder_names()
    if name not in known:
        raise unknown_name("encoder", name, known)
    return name


def find_timm(name: str) -> str:
    architecture, _, tag = name.removeprefix("tu-").partition(".")
    if ":" in architecture:
        raise InputError(
            f"encoder {name!r}: tu- takes the names of timm, such as tu-resnet18, and "
            "nothing from a hub or a folder"
        )
    if not timm.is_model(architecture):
        every = timm.list_models()
        alike = [other for other in every if other[:3] == architecture[:3]]
        alike = alike or get_close_matches(architecture, every, n=5, cutoff=0) or every[:5]
        raise unknown_name("encoder", name, [f"tu-{other}" for other in alike])
    tags = timm.list_models(f"{architecture}.*", pretrained=True)
    if tag and f"{architecture}.{tag}" not in tags:
        raise unknown_name("encoder", name, [f"tu-{other}" for other in tags])
    return name


def find_weights(encoder: str, weights: str | None) -> str | None:
    """InputError for weights that the encoder does not have, before anything is fetched."""
    if weights is None:
        return None
    if encoder.startswith("tu-"):
        pretrained = timm.models.is_model_pretrained(encoder.removeprefix("tu-"))
        known = [TIMM] if pretrained else []
    else:
        known = list(smp.encoders.encoders[encoder]["pretrained_settings"])
    if weights not in known:
        raise unknown_name(f"weights of encoder {encoder!r}:", weights, [*known, "none"])
    return weights
