"""The learning rate of every step: linear warm-up, then polynomial decay."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ablations.run_config import RunConfig

POLY_POWER = 0.9


class WarmPoly(LRScheduler):
    """Grows from 0 in warmup_steps, then decays to lr_floor at max_steps; step by step.

    With t steps done, w of warm-up and T in all, the learning rate is lr * t / w up to w,
    then lr_floor + (lr - lr_floor) * (1 - (t - w) / (T - w)) ** 0.9. In a group with
    another learning rate all of it is scaled. Without warm-up and floor it is torch's
    PolynomialLR, to the last bit.
    """

    def __init__(self, optimizer: Optimizer, config: RunConfig) -> None:
        self.max_steps, self.warmup_steps = config.max_steps, config.warmup_steps
        self.lr_floor, self.floor_share = config.lr_floor, config.lr_floor / config.lr
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:  # type: ignore[override]  # torch allows tensors, too
        done, rates = self.last_epoch, self.base_lrs
        if done < self.warmup_steps:
            return [rate * done / self.warmup_steps for rate in rates]
        if done == self.warmup_steps:
            return list(rates)
        factor = self.decay(done) if done <= self.max_steps else 1.0
        floors = [rate * self.floor_share for rate in rates]
        now = [group["lr"] for group in self.optimizer.param_groups]
        return [
            (lr - floor) * factor + floor for lr, floor in zip(now, floors, strict=True)
        ]

    def decay(self, done: int) -> float:
        """What is left above the floor, relative to the step before."""
        steps, before = self.max_steps - self.warmup_steps, done - self.warmup_steps - 1
        ratio = (1.0 - (before + 1) / steps) / (1.0 - before / steps)
        return float(ratio**POLY_POWER)
