"""Controls: bottlenecks that cost as much as a block, so a gain can be put down to it.

At each site of a network a control has the width with which its parameters, or its
multiply-adds, come nearest to the block's. The block's multiply-adds are those of its
direct evaluation, as published.
"""

from collections.abc import Callable
from functools import cache
from math import prod

from torch.nn.parameter import UninitializedParameter

from ablations.complexity.any_resolution import cost_at
from ablations.complexity.counters import parameters
from ablations.contract import LoneBlock, Size
from ablations.errors import InputError, quoted
from ablations.notation import Part, parse_part
from ablations.sites import Site
from ablations.wrappers import CONTROLS, IDENTITY, check_wrapped, without_start

UNCALLED: Size = (1, 1)  # stands for the size at a site that a model never calls


def resolve(text: str, channels: int, size: Size | None) -> str:
    """The block that a text stands for at a site: a control becomes a bottleneck.

    size is that of the site's feature maps; None if it is unknown. Raises InputError for
    multiply-adds that are unknown, and for a block with nothing to match.
    """
    part = parse_part(text)
    if part.name == IDENTITY and part.inner:
        return f"{IDENTITY}({resolve(str(part.inner), channels, size)})"
    if part.name not in CONTROLS:
        return text
    return f"bottleneck(width={width_of(part, channels, size)})"


def resolve_at(text: str, site: Site) -> str:
    """The block that a text stands for at a site of a model."""
    return resolve(text, site.channels, site.size or UNCALLED)


def control_of(text: str) -> Part | None:
    """The control in a block's text, whatever its start; None for any other block."""
    part = parse_part(without_start(text))
    return part if part.name in CONTROLS else None


def width_of(control: Part, channels: int, size: Size | None) -> int:
    """The width of a control at a site."""
    text = str(control)
    try:
        check_wrapped(control)
        match = MATCHES[control.name]
        return match(str(control.inner), channels, size)
    except InputError as error:
        raise InputError(f"block {quoted(text)}: {error}") from None


@cache
def width_for_params(block: str, channels: int, size: Size | None) -> int:
    """The width with which a bottleneck has as many parameters as a block."""
    lone = LoneBlock(block, channels, "direct")
    lazy = any(isinstance(p, UninitializedParameter) for p in lone.real().parameters())
    params = cost_at(lone, size or UNCALLED).params if lazy else parameters(lone.real())
    return nearest(params, 2 * channels, f"{block} has no parameters")


@cache
def width_for_macs(block: str, channels: int, size: Size | None) -> int:
    """The width with which a bottleneck has as many multiply-adds as a block has direct."""
    if size is None:
        raise InputError("its width depends on the size of the image, which is not given")
    cost = cost_at(LoneBlock(block, channels, "direct"), size)
    if cost.macs is None:
        reason = f"the multiply-adds of {block} are not counted: {cost.not_counted}"
        raise InputError(reason)
    return nearest(cost.macs, 2 * channels * prod(size), f"{block} has no multiply-adds")


def nearest(target: int, step: int, nothing: str) -> int:
    """The whole number of steps, at least one, that comes nearest to the target."""
    if not target:
        raise InputError(f"{nothing}, so there is nothing to match")
    return max(1, (2 * target + step) // (2 * step))


MATCHES: dict[str, Callable[[str, int, Size | None], int]] = {
    "matched_params": width_for_params,
    "matched_macs": width_for_macs,
}
