"""Losses over labelled pixels: each is a function and one line here.

A loss is a function of logits (B, classes, H, W), float, and labels (B, H, W), int64, with
VOID where a pixel does not count. Its further arguments are its options.
"""

from collections.abc import Callable

from torch import Tensor

from ablations.errors import unknown_name
from ablations.notation import split_outside
from ablations.part_options import naming, plain_part, with_options
from ablations.run_config import RunConfig
from lightning_modules.scores import mean_loss

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy"""
    return mean_loss(logits, labels)


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
}


def loss_of(config: RunConfig) -> Loss:
    """The sum of the losses that config names."""
    return find_loss(config.loss)


def find_loss(text: str) -> Loss:
    """The loss of that name and its options, or a sum; InputError lists the known ones."""
    terms = [find_term(term) for term in split_outside(text, "+")]

    def total(logits: Tensor, labels: Tensor) -> Tensor:
        first, *others = (term(logits, labels) for term in terms)
        return sum(others, first)

    return terms[0] if len(terms) == 1 else total


def find_term(text: str) -> Loss:
    part = plain_part("loss", text)
    if part.name not in LOSSES:
        raise unknown_name("loss", part.name, LOSSES)
    with naming("loss", text):
        return with_options(LOSSES[part.name], part.options, given=2)
