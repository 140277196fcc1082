"""What every block of this suite has in common."""

from typing import Literal, NamedTuple, get_args

from torch import Tensor, nn

from ablations.errors import InputError

Evaluation = Literal["direct", "fast"]
EVALUATIONS: tuple[Evaluation, ...] = get_args(Evaluation)


class ClosedForm(NamedTuple):
    """Parameters, and multiply-adds of convolutions, linear layers and matrix products."""

    params: int
    macs: int

    def __add__(self, other: "ClosedForm") -> "ClosedForm":  # type: ignore[override]
        return ClosedForm(self.params + other.params, self.macs + other.macs)


class AttentionBlock(nn.Module):
    """A block (B, C, H, W) -> (B, C, H, W) with one function and two evaluations of it.

    direct   the operations in the order the paper or the released code performs them
    fast     the same function of the same parameters, with fewer operations or less memory
    """

    evaluation: Evaluation = "fast"

    def forward(self, x: Tensor) -> Tensor:
        return self.fast(x) if self.evaluation == "fast" else self.direct(x)

    def direct(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def fast(self, x: Tensor) -> Tensor:
        """The same as direct for a block that has nothing to gain."""
        return self.direct(x)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        """Cost of the current evaluation for one image (C, height, width), by hand."""
        raise NotImplementedError


def has_two_evaluations(module: nn.Module) -> bool:
    """Whether fast differs from direct."""
    return (
        isinstance(module, AttentionBlock) and type(module).fast is not AttentionBlock.fast
    )


class NoAttention(AttentionBlock):
    """The baseline: its output is its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def direct(self, x: Tensor) -> Tensor:
        return x

    def closed_form(self, height: int, width: int) -> ClosedForm:
        return ClosedForm(params=0, macs=0)


def reduce_channels(channels: int, ratio: int) -> int:
    """The reduced width channels / ratio; InputError if it is not a whole number."""
    if ratio < 1:
        raise InputError(f"channels cannot be reduced by {ratio}; 1 or more is needed")
    if channels < ratio or channels % ratio:
        raise InputError(
            f"{channels} channels cannot be reduced by {ratio}: "
            f"the number of channels must be a multiple of {ratio}"
        )
    return channels // ratio
