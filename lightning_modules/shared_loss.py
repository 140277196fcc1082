"""The loss of a step whose images are spread over several devices.

It is the mean of the losses of all devices, weighted by their labelled pixels. For a mean
over labelled pixels this is the loss of the whole batch. Losses that look at a batch as a
whole (OHEM, Dice, Lovasz) see the images of one device.
"""

from torch import Tensor

from lightning_modules.data.data_source import VOID
from lightning_modules.ranks import size, sum_of


def weight_here(labels: Tensor) -> Tensor | float:
    """What the loss of this device's labels counts, 1 on average over the devices.

    DistributedDataParallel takes the mean of the gradients of all devices.
    """
    if size() == 1:
        return 1.0
    labelled = (labels != VOID).sum()
    return size() * labelled / sum_of(labelled).clamp(min=1)


def of_all_devices(loss: Tensor) -> Tensor:
    """The mean of the weighted losses of all devices, with the gradient of this one's."""
    if size() == 1:
        return loss
    return loss + (sum_of(loss) / size() - loss).detach()
