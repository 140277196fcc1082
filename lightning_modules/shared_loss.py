"""The loss of a step whose images are spread over several devices."""

from torch import Tensor

from lightning_modules.data.data_source import VOID
from lightning_modules.ranks import size, sum_of


def of_all_devices(loss: Tensor, labels: Tensor) -> Tensor:
    """The mean of the losses of all devices, weighted by their labelled pixels.

    For a mean over labelled pixels this is the loss of the whole batch, in value and, after
    DistributedDataParallel has averaged the gradients, in gradient. Losses that look at a
    batch as a whole (OHEM, Dice, Lovasz) see the images of one device.
    """
    if size() == 1:
        return loss
    labelled = (labels != VOID).sum()
    total = sum_of(labelled).clamp(min=1)
    own = loss * (labelled / total)
    gradient = own * size()  # of which DDP takes the mean
    return gradient + (sum_of(own) - gradient).detach()
