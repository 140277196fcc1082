"""Batch norms whose statistics are those of the whole batch, on however many devices.

torch's SyncBatchNorm works on GPUs only, and converting to it drops the activation inside
timm's BatchNormAct2d. Here each norm stays the object that it is, with its parameters and
its place in the network, and only computes differently.
"""

import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from ablations.errors import InputError


class SummedNorm(_BatchNorm):
    """A batch norm of all processes, on any device."""

    def forward(self, x: Tensor) -> Tensor:
        return normalised(self, x) if self.training else super().forward(x)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any: the norm that it was before has taken its inputs."""


class ThenActivation(nn.Module):
    """What timm's BatchNormAct2d does after the norm."""

    act: nn.Module
    drop: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        activated: Tensor = self.act(self.drop(super().forward(x)))
        return activated


class SummedNormAct(ThenActivation, SummedNorm):
    """timm's BatchNormAct2d of all processes."""


class SyncNormAct(ThenActivation, nn.SyncBatchNorm):
    """The same on GPUs."""


KINDS: dict[type[nn.Module], tuple[type[_BatchNorm], type[_BatchNorm]]] = {
    nn.BatchNorm1d: (SummedNorm, nn.SyncBatchNorm),  # on CPUs, on GPUs
    nn.BatchNorm2d: (SummedNorm, nn.SyncBatchNorm),
    nn.BatchNorm3d: (SummedNorm, nn.SyncBatchNorm),
    BatchNormAct2d: (SummedNormAct, SyncNormAct),
}


def synchronise(network: nn.Module, device: str) -> None:
    """Let the batch norms of a network use the images of all processes.

    InputError for a kind of batch norm that is not known, such as a user's own.
    """
    for name, norm in network.named_modules():
        if not isinstance(norm, _BatchNorm):
            continue
        if type(norm) not in KINDS:
            known = ", ".join(kind.__name__ for kind in KINDS)
            raise InputError(
                f"several devices: {name} is a {type(norm).__name__}, whose statistics "
                f"cannot be those of all devices (known: {known})"
            )
        on_cpu, on_gpu = KINDS[type(norm)]
        vars(norm)["process_group"] = None  # of torch's SyncBatchNorm: all processes
        norm.__class__ = on_gpu if device == "cuda" else on_cpu


def normalised(norm: _BatchNorm, x: Tensor) -> Tensor:
    """A norm in training mode, with the mean and variance over all processes.

    Differentiable; two passes, since E[x^2] - E[x]^2 loses digits in float32.
    """
    axes = [axis for axis in range(x.ndim) if axis != 1]
    values = x.to(norm.weight.dtype if norm.affine else torch.float32)
    count = values.new_tensor([x.numel() / x.shape[1]])
    sums = all_reduce(torch.cat([values.sum(axes), count]))  # type: ignore[no-untyped-call]
    count = sums[-1].detach()
    mean = sums[:-1] / count
    shape = [-1 if axis == 1 else 1 for axis in range(x.ndim)]
    centred = values - mean.view(shape)
    squares = all_reduce(centred.square().sum(axes))  # type: ignore[no-untyped-call]
    variance = squares / count
    keep_track(norm, mean.detach(), variance.detach() * count / (count - 1))
    y = centred * (variance + norm.eps).rsqrt().view(shape)
    if norm.affine:
        y = y * norm.weight.view(shape) + norm.bias.view(shape)
    output: Tensor = y.to(x.dtype)
    return output


def keep_track(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics towards those of a batch."""
    if norm.running_mean is None or norm.running_var is None:
        return
    assert norm.num_batches_tracked is not None  # noqa: S101
    norm.num_batches_tracked.add_(1)
    weight = norm.momentum
    if weight is None:  # the average over all batches
        weight = 1 / int(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), weight)
    norm.running_var.lerp_(variance.to(norm.running_var.dtype), weight)
