"""What every block promises (design: any H and W, input unchanged, images independent).

Each promise is a function of a Trial that returns an Outcome; whatever it raises is the
block's failure. A promise builds the block anew, so none sees the traces of another.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.attention.base import Evaluation
from ablations.blocks import create_attention
from ablations.contract import Size, violation
from ablations.passes import on_meta

IMAGES = 3
ODD = (7, 5)  # height and width that no stride divides
NEAR = 1e-4  # difference of results that should be equal but for rounding
NEAR_BFLOAT16 = 0.1  # its numbers have 8 bits


class Trial(NamedTuple):
    """A block, and the channels and size of the feature maps that it receives."""

    block: str
    channels: int
    size: Size
    evaluation: Evaluation

    def module(self) -> nn.Module:
        """The block in eval mode, with the same values every time."""
        torch.manual_seed(0)
        return create_attention(self.block, self.channels, self.evaluation).eval()

    def x(self, size: Size | None = None) -> Tensor:
        """Random features (3, C, H, W), the same every time."""
        generator = torch.Generator().manual_seed(1)
        shape = (IMAGES, self.channels, *(size or self.size))
        return torch.randn(shape, generator=generator)


class Outcome(NamedTuple):
    problem: str  # what is broken, after "the block"; empty if nothing is
    difference: float | None = None  # relative RMS, where results are compared


def form(trial: Trial) -> Outcome:
    x = trial.x()
    output = run(trial.module(), x)
    if problem := violation(x, output):
        return Outcome(problem)
    return Outcome("" if output.isfinite().all() else "returns NaN or infinity")


def odd_size(trial: Trial) -> Outcome:
    x = trial.x(ODD)
    return Outcome(violation(x, run(trial.module(), x)))


def input_unchanged(trial: Trial) -> Outcome:
    x = trial.x()
    with torch.no_grad():
        trial.module()(x)
    same = torch.equal(x, trial.x())
    return Outcome("" if same else "changes its input in place, which others read too")


def independent_images(trial: Trial) -> Outcome:
    """The result for an image is the same alone and beside other images."""
    x, module = trial.x(), trial.module()
    beside = torch.cat([x[:1], 1 - 3 * x[1:]])
    alone = run(module, x[:1])
    worst = max(relative_rms(run(module, other)[:1], alone) for other in (x, beside))
    return compared(worst, NEAR, "gives an image another result beside other images")


def memory_formats(trial: Trial) -> Outcome:
    x = trial.x()
    last = run(trial.module(), x.contiguous(memory_format=torch.channels_last))
    difference = relative_rms(last, run(trial.module(), x))
    return compared(difference, NEAR, "gives another result in channels_last")


def autocast(trial: Trial) -> Outcome:
    """In bfloat16 on the CPU, for features of either type that a network hands on."""
    x, worst = trial.x(), 0.0
    expected = run(trial.module(), x)
    for features in (x, x.bfloat16()):
        with torch.autocast("cpu", torch.bfloat16):
            output = run(trial.module(), features)
        if problem := violation(features.to(output.dtype), output):
            return Outcome(f"under autocast {problem}")
        worst = max(worst, relative_rms(output.float(), expected))
    return compared(worst, NEAR_BFLOAT16, "is far from its float32 result under autocast")


def training(trial: Trial) -> Outcome:
    """In train mode it runs, and hands a finite gradient on."""
    leaf = trial.x().requires_grad_()
    x = leaf * 1
    output = trial.module().train()(x)
    if problem := violation(x, output):
        return Outcome(f"in train mode {problem}")
    output.square().mean().backward()
    if leaf.grad is None:
        return Outcome("hands no gradient on to its input")
    finite = leaf.grad.isfinite().all()
    return Outcome("" if finite else "hands on a gradient that is NaN or infinite")


def deterministic(trial: Trial) -> Outcome:
    x, module = trial.x(), trial.module()
    difference = relative_rms(run(module, x), run(module, x))
    return compared(difference, NEAR, "gives another result the second time in eval mode")


def device(trial: Trial) -> Outcome:
    """On the meta device, where a tensor that was made on the CPU meets those that are not.

    A block that needs values cannot run there, which breaks no promise.
    """
    x, module = trial.x().to("meta"), on_meta(trial.module())
    try:
        output = run(module, x)
    except RuntimeError as error:
        if "device" in str(error) and "cpu" in str(error):
            return Outcome("makes tensors on the CPU, not on the device of its input")
        return Outcome("")
    return Outcome(violation(x, output))


PROMISES: dict[str, Callable[[Trial], Outcome]] = {
    "shape and type": form,
    "odd sizes": odd_size,
    "input unchanged": input_unchanged,
    "images independent": independent_images,
    "memory formats": memory_formats,
    "autocast": autocast,
    "train mode": training,
    "deterministic": deterministic,
    "device": device,
}


def run(module: nn.Module, x: Tensor) -> Tensor:
    """The result for a copy of x, which the block may therefore change."""
    with torch.no_grad():
        output: Tensor = module(x.clone())
    return output


def relative_rms(tensor: Tensor, reference: Tensor) -> float:
    """Root mean square of the difference, divided by that of the reference.

    Zero if both are equal, also where both are infinite or NaN.
    """
    if tensor.shape == reference.shape and torch.equal(tensor, reference):
        return 0.0
    return rms(tensor - reference) / max(rms(reference), 1e-30)


def rms(tensor: Tensor) -> float:
    return tensor.detach().double().square().mean().sqrt().item()


def compared(difference: float, limit: float, problem: str) -> Outcome:
    """A difference that is NaN is beyond every limit."""
    return Outcome("" if difference <= limit else problem, difference)
