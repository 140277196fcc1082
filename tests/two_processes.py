"""What two processes compute together, for tests/test_devices.py to compare with one."""

from pathlib import Path
from typing import Any

import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ablations.errors import InputError
from lightning_modules.data.sampler import share
from lightning_modules.devices import Team
from lightning_modules.ranks import connected, decided_by_first, largest
from lightning_modules.scores import SplitScore, mean_loss
from lightning_modules.shared_loss import of_all_devices, weight_here
from lightning_modules.synchronised_norms import synchronise

IMAGES = 5  # shares of 2 and 3
CLASSES = 3


def images() -> Tensor:
    """Of the whole batch, far from 0, with a wide spread between images."""
    random = torch.Generator().manual_seed(0)
    shape = (IMAGES, CLASSES, 3, 7)
    batch = torch.randn(shape, generator=random, dtype=torch.float64)
    return batch * torch.arange(1, IMAGES + 1).view(-1, 1, 1, 1) + 20


def labels() -> Tensor:
    """Classes, mostly void in the first images."""
    random = torch.Generator().manual_seed(1)
    drawn = torch.randint(0, CLASSES, (IMAGES, 3, 7), generator=random)
    drawn[:2, :, 1:] = 255
    return drawn


def network() -> nn.Sequential:
    """A norm, a norm with an activation, and a convolution between them."""
    torch.manual_seed(2)
    layers = (
        nn.BatchNorm2d(CLASSES),
        nn.Conv2d(CLASSES, CLASSES, 3),
        BatchNormAct2d(CLASSES),
    )
    return nn.Sequential(*layers, nn.ZeroPad2d(1)).double()


def compute(rank: int, folder: Path) -> None:
    """Write what this process computes of its share to the folder."""
    where = f"file://{folder / 'meeting'}"
    with connected(Team(rank, rank, 2), "cpu", where):
        own = share(IMAGES, rank, 2)
        results = {
            "step": step(images()[own.start : own.stop], labels()[own.start : own.stop]),
            "score": score(own),
            "largest": largest(3 - rank),
            "decision": decided_by_first(lambda: f"of {rank}"),
            "error": error_of_first(rank),
        }
    torch.save(results, folder / f"{rank}.pt")


def step(batch: Tensor, targets: Tensor) -> dict[str, Any]:
    """Loss, gradients of images and weights, and state of a synchronised network."""
    inner = network()
    synchronise(inner, "cpu")
    inputs = batch.clone().requires_grad_()
    outer = DistributedDataParallel(inner)  # reduces gradients as long as it exists
    loss = of_all_devices(mean_loss(outer(inputs), targets) * weight_here(targets))
    loss.backward()  # type: ignore[no-untyped-call]
    assert inputs.grad is not None
    return {
        "loss": loss.detach(),
        "images": inputs.grad / 2,  # DDP takes the mean of weights' gradients only
        "weights": {name: weight.grad for name, weight in inner.named_parameters()},
        "state": dict(inner.state_dict()),
    }


def score(own: range) -> dict[str, Any]:
    split = SplitScore(CLASSES)
    for index in own:
        split.update(images()[index : index + 1].float(), labels()[index : index + 1])
    result = split.compute()
    return {"loss": result.loss, "confusion": result.confusion}


def error_of_first(rank: int) -> str:
    def fail() -> None:
        raise InputError(f"of {rank}")

    try:
        decided_by_first(fail)
    except InputError as error:
        return str(error)
    return ""
