"""Whether every parameter learns, and whether pretrained keys stay loadable."""

import copy
from collections import Counter
from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from ablations.check.finding import Finding
from ablations.check.network_start import Gradients, gradients_of
from ablations.contract import Size
from ablations.insertion import PlacedBlock

NAMES = 6  # names of parameters in a sentence
ROUNDING = {torch.float32: 1e-6, torch.float64: 1e-12}  # of a block's largest gradient
STEP = 0.01  # of a parameter, where its gradient is largest


def keys_finding(
    model: nn.Module, bare: nn.Module, blocks: Sequence[PlacedBlock], pretrained: bool
) -> Finding:
    """Whether the bare network's state dict fits the model, but for the blocks' keys."""
    subject = "pretrained keys" if pretrained else "keys of the bare network"
    state, bare_state = model.state_dict(), bare.state_dict()
    if pretrained:
        bare_state = {k: v for k, v in bare_state.items() if k.startswith("encoder.")}
    fitting = {key for key in bare_state if fits(state.get(key), bare_state[key])}
    own = {key for key in state if key.startswith(tuple(f"{b.path}." for b in blocks))}
    unexpected = state.keys() - bare.state_dict().keys() - own
    values = {"loaded": len(fitting), "missing": len(bare_state) - len(fitting)}
    lost = sorted(set(bare_state).difference(fitting).union(unexpected))
    if lost:
        return Finding(subject, "note", f"These keys do not fit: {listed(lost)}.", values)
    what = "Every pretrained key is loaded" if pretrained else "All stay loadable"
    return Finding(subject, "ok", f"{what}; blocks add {len(own):,} keys.", values)


def fits(tensor: Tensor | None, other: Tensor) -> bool:
    return tensor is not None and torch.equal(tensor, other)


def unused_finding(
    gradients: Gradients, bare: Gradients, blocks: Sequence[PlacedBlock]
) -> Finding:
    """Parameters without a gradient, except those that have none in the bare network."""
    names = [
        name
        for name, gradient in gradients.items()
        if gradient is None and bare.get(name, ...) is not None
    ]
    values = {"tensors": len(names)}
    if not names:
        return Finding("unused parameters", "ok", "", values)
    advice = f"The output does not depend on {summary(names, blocks)}: remove or use them."
    return Finding("unused parameters", "note", advice, values)


def dead_finding(
    model: nn.Module,
    gradients: Gradients,
    bare: Gradients,
    blocks: Sequence[PlacedBlock],
    size: Size,
) -> Finding:
    """Parameters whose gradient is zero, and stays so after a step of the others.

    Behind a gate that begins at zero, gradients are zero in the first step only. Changes
    the parameters of the model.
    """
    zero = zero_names(gradients, blocks) - zero_names(bare, [])
    later = after_a_step(model, gradients, size) if zero else {}
    late = zero - zero_names(later, blocks)
    dead = [name for name in gradients if name in zero - late]
    subject, values = "dead parameters", {"tensors": len(dead)}
    if dead:
        advice = f"The gradient of {summary(dead, blocks)} is zero: they have no effect."
        return Finding(subject, "note", advice, values)
    if late:
        names = summary([name for name in gradients if name in late], blocks)
        advice = f"Behind a zero, these learn from the second step on: {names}."
        return Finding(subject, "ok", advice, values)
    return Finding(subject, "ok", "", values)


def zero_names(gradients: Gradients, blocks: Sequence[PlacedBlock]) -> set[str]:
    """Where a gradient is zero everywhere; in blocks, but for rounding.

    A bias before a softmax, for example, has a gradient of zero that is computed as 1e-8.
    """
    known = {name: each for name, each in gradients.items() if each is not None}
    sizes = {name: each.abs().max().item() for name, each in known.items()}
    zero = {name for name, size in sizes.items() if size == 0}
    for block in blocks:
        names = [name for name in sizes if name.startswith(f"{block.path}.")]
        largest = max((sizes[name] for name in names), default=0.0)
        zero |= {
            name
            for name in names
            if sizes[name] <= ROUNDING.get(known[name].dtype, 0) * largest
        }
    return zero


def after_a_step(model: nn.Module, gradients: Gradients, size: Size) -> Gradients:
    """The gradients after each parameter made a small step.

    In float64, where rounding is far below what is merely small, if the block can.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            gradient = gradients.get(name)
            if gradient is not None:
                largest = gradient.abs().max().clamp(min=1e-30)
                parameter.sub_(STEP * gradient / largest)
    try:
        return gradients_of(copy.deepcopy(model).double(), size)
    except RuntimeError:  # a user's block may compute in float32 only
        return gradients_of(model, size)


def summary(names: Collection[str], blocks: Sequence[PlacedBlock]) -> str:
    """Names inside blocks with the number of blocks, as in gate (16 places)."""
    return listed(
        [
            f"{name} ({plural(count)})"
            for name, count in Counter(short(name, blocks) for name in names).items()
        ]
    )


def short(name: str, blocks: Sequence[PlacedBlock]) -> str:
    """The name within its block, or outside blocks the whole name."""
    paths = [f"{block.path}." for block in blocks if name.startswith(f"{block.path}.")]
    return name.removeprefix(max(paths, key=len)) if paths else name


def plural(count: int) -> str:
    return "1 place" if count == 1 else f"{count} places"


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more
