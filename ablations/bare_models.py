"""Segmentation models without blocks, with pretrained, random or no values."""

import warnings
from functools import cache, lru_cache
from typing import NamedTuple

import segmentation_models_pytorch as smp
import timm
import torch
from huggingface_hub import constants, get_session, try_to_load_from_cache
from torch import nn

from ablations.contract import Size
from ablations.encoder_weights import (
    LocalWeights,
    fitting_state,
    load_weights,
    local_weights,
    package_advice,
)
from ablations.encoders import (
    SET_ELSEWHERE,
    check_encoder,
    check_model,
    check_weights,
    encoder_part,
    model_class,
    model_part,
    name_of,
)
from ablations.errors import InputError, quoted
from ablations.own_code import describe_error
from ablations.paper_models import PAPER_MODELS
from ablations.part_options import named_options
from ablations.passes import on_meta
from ablations.sources import Stamp, stamp

PATIENCE = 5  # seconds to wait until the host of pretrained weights answers


class BareModel(NamedTuple):
    """A model without blocks; model and encoder may have options."""

    model: str
    encoder: str
    classes: int

    def real(self) -> nn.Module:
        """The model with values, the same every time; do not modify it."""
        return real_model(self)

    def meta(self) -> nn.Module:
        """The model without values; do not modify it."""
        return meta_model(self)

    def input_shape(self, size: Size) -> tuple[int, int, int, int]:
        return 1, 3, *size


def create_bare(
    model: str, encoder: str, classes: int, encoder_weights: str | None = None
) -> nn.Module:
    """InputError for unknown names, incompatible parts, and unavailable weights."""
    check_encoder(encoder)
    check_weights(encoder, encoder_weights)
    check_model(model)
    what = f"weights {encoder_weights!r} of encoder {quoted(encoder)}"
    local = local_weights(encoder, encoder_weights)
    hub = None if local else encoder_weights
    if hub and not (is_downloaded(encoder, hub) or host_answers()):
        raise InputError(
            f"{what} are not on this machine, and {constants.ENDPOINT} cannot be reached: "
            f"{package_advice(encoder)}download them once while online, or use random "
            "weights (encoder_weights: null in a file, --encoder-weights none)"
        )
    try:
        network = build(model, encoder, classes, hub)
    except Exception as error:  # each encoder of timm raises its own
        raise InputError(
            f"model {quoted(model)} with encoder {quoted(encoder)} and weights "
            f"{encoder_weights!r} cannot be built: {describe_error(error)}"
            f"{options_note(model)}"
        ) from None
    if local:
        load_weights(encoder_of(network), encoder, local)
    return network


def build(
    model: str, encoder: str, classes: int, encoder_weights: str | None = None
) -> nn.Module:
    name, _, options = model_part(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # smp's and timm's advice on weights
        if name in PAPER_MODELS:
            return PAPER_MODELS[name](encoder, classes, encoder_weights, **options)
        part = encoder_part(encoder)
        bare: nn.Module = model_class(name)(
            encoder_name=part.name,
            encoder_weights=encoder_weights,
            classes=classes,
            **options,
            **part.options,
        )
    return bare


def options_note(model: str) -> str:
    """The options of a model that has been given some, for an error."""
    name, _, options = model_part(model)
    known = named_options(model_class(name), SET_ELSEWHERE) or {}
    return f" (options of {name}: {', '.join(known)})" if options else ""


def check_fit(bare: BareModel, weights: str | None) -> None:
    """InputError for weights on this machine that do not fit the encoder."""
    if local := local_weights(bare.encoder, weights):
        check_local(bare, local, stamp(local.path))


@cache
def check_local(bare: BareModel, local: LocalWeights, stamp: Stamp) -> None:
    """Not twice for the same content."""
    fitting_state(encoder_of(bare.meta()), bare.encoder, local)


def encoder_of(network: nn.Module) -> nn.Module:
    return network.get_submodule("encoder")


def is_downloaded(encoder: str, weights: str) -> bool:
    """Whether pretrained weights are already on this machine."""
    encoder = name_of(encoder)
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
    """Whether pretrained weights could be downloaded now."""
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
    """The model without values; a constructor that computes with values gets them."""
    check_encoder(bare.encoder)
    check_model(bare.model)
    try:
        with torch.device("meta"):
            return build(*bare).to("meta")
    except Exception:  # whatever a constructor raises without values
        return on_meta(bare.real())
