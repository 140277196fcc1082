"""Segmentation models without blocks: with pretrained values, with any, with none."""

import warnings
from functools import cache, lru_cache
from typing import NamedTuple

import segmentation_models_pytorch as smp
import timm
import torch
from huggingface_hub import constants, get_session, try_to_load_from_cache
from torch import nn

from ablations.contract import Size
from ablations.encoders import check_encoder, check_model, check_weights
from ablations.errors import InputError
from ablations.own_code import described
from ablations.paper_models import PAPER_MODELS
from ablations.passes import on_meta

PATIENCE = 5  # seconds that the host of pretrained weights has for its first answer


class BareModel(NamedTuple):
    """A model without blocks."""

    model: str
    encoder: str
    classes: int

    def real(self) -> nn.Module:
        """With values that are the same every time; not to be changed."""
        return real_model(self)

    def meta(self) -> nn.Module:
        """Without values; not to be changed."""
        return meta_model(self)

    def input_shape(self, size: Size) -> tuple[int, int, int, int]:
        return 1, 3, *size


def create_bare(
    model: str, encoder: str, classes: int, encoder_weights: str | None = None
) -> nn.Module:
    """InputError for unknown names, what does not go together, and weights out of reach."""
    check_encoder(encoder)
    check_weights(encoder, encoder_weights)
    check_model(model)
    what = f"weights {encoder_weights!r} of encoder {encoder!r}"
    if encoder_weights and not (is_kept(encoder, encoder_weights) or host_answers()):
        raise InputError(
            f"{what} are not on this machine, and {constants.ENDPOINT} cannot be reached: "
            "download them once with a network, or set encoder_weights to none"
        )
    try:
        return build(model, encoder, classes, encoder_weights)
    except Exception as error:  # every encoder of timm has its own
        raise InputError(
            f"model {model!r} with encoder {encoder!r} and weights {encoder_weights!r} "
            f"cannot be built: {described(error)}"
        ) from None


def build(
    model: str, encoder: str, classes: int, encoder_weights: str | None = None
) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # smp's and timm's advice on weights
        if model in PAPER_MODELS:
            return PAPER_MODELS[model](encoder, classes, encoder_weights)
        bare: nn.Module = smp.create_model(
            model, encoder, encoder_weights=encoder_weights, classes=classes
        )
    return bare


def is_kept(encoder: str, weights: str) -> bool:
    """Whether pretrained weights lie on this machine from an earlier time."""
    if encoder.startswith("tu-"):
        settings = timm.models.get_pretrained_cfg(encoder.removeprefix("tu-"))
        repository, revision = settings.hf_hub_id if settings else None, None
    else:
        own = smp.encoders.encoders[encoder]["pretrained_settings"][weights]
        repository, revision = own["repo_id"], own["revision"]
    if not repository:
        return False
    files = ("model.safetensors", "pytorch_model.bin")
    paths = (try_to_load_from_cache(repository, name, revision=revision) for name in files)
    return any(isinstance(path, str) for path in paths)


def host_answers() -> bool:
    """Whether pretrained weights could be fetched now."""
    try:
        get_session().head(constants.ENDPOINT, timeout=PATIENCE)
    except Exception:  # there are many ways to have no network
        return False
    return True


@lru_cache(maxsize=1)
def real_model(bare: BareModel) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return create_bare(*bare)


@cache
def meta_model(bare: BareModel) -> nn.Module:
    """Some constructors compute with values, and are run with them."""
    check_encoder(bare.encoder)
    check_model(bare.model)
    try:
        with torch.device("meta"):
            return build(*bare).to("meta")
    except Exception:  # whatever a constructor makes of having no values
        return on_meta(bare.real())
