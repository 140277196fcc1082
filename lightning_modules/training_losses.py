"""The losses of training steps, watched for divergence.

Reading a number from a GPU waits until the GPU has finished all its work, so there losses
are read ten at a time.
"""

import math

import torch
from torch import Tensor

TOGETHER = 10  # losses that are read from a GPU at once


class NonFiniteLossError(RuntimeError):
    """The training diverged."""


class TrainingLosses:
    """The losses of the last steps, until they are read."""

    def __init__(self) -> None:
        self.unread: list[tuple[int, Tensor]] = []  # step, loss (a scalar on its device)

    def add(self, step: int, loss: Tensor) -> None:
        """Raises NonFiniteLossError: on a CPU at once, on a GPU at most ten steps later."""
        self.unread.append((step, loss.detach()))
        if loss.device.type == "cpu" or len(self.unread) == TOGETHER:
            self.check()

    def check(self) -> None:
        """Read all losses; NonFiniteLossError names the first step that diverged."""
        if not self.unread:
            return
        losses = torch.stack([loss for _, loss in self.unread])
        if losses.isfinite().all():
            self.unread.clear()
            return
        for (step, _), loss in zip(self.unread, losses.tolist(), strict=True):
            if not math.isfinite(loss):
                raise NonFiniteLossError(f"loss is {loss} at step {step}")
