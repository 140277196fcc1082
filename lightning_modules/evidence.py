"""Where a trained network finds what decides a scene of a probe.

The margin of a scene is the logit of the true state minus that of the other one, summed
over all pixels of digits. Its gradient says which pixels of the image, and which
positions of the encoder's last feature, before a block there, the decision hangs on. No
formula of a block is needed, so networks without a block and with any block compare.
"""

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from pytorch_lightning import seed_everything
from torch import Tensor
from torch.nn.functional import max_pool2d

from ablations.errors import InputError, quoted
from ablations.run_config import RunConfig
from lightning_modules.data import create_data
from lightning_modules.data.data_source import Split
from lightning_modules.data.probe import Probe
from lightning_modules.data.probe_scenes import GAP
from lightning_modules.data.segmentation_data import SegmentationData
from lightning_modules.scoring import score_network
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.trainer import create_bare_trainer, quiet


class Evidence(NamedTuple):
    """What one network makes of one scene; gradients are absolute, not normalised."""

    config: RunConfig
    information: float  # on the whole split that config scores
    predicted: Tensor  # classes (S, S)
    pixels: Tensor  # (S, S), gradient summed over colours
    positions: Tensor  # (H, W), norm of the gradient over channels
    far: float  # share of pixels' sum that is more than GAP pixels from every digit


def evidence(config: RunConfig, scene: int) -> Evidence:
    """Train as a run does and look at one scene of the split that it scores.

    Raises InputError for a data set that is no probe, and for a scene that it lacks.
    """
    data = create_data(config)
    images, labels = batch_of(data, scene)
    probe = probe_of(data)
    module = trained(config, data)
    information = probe.information(module.scores[config.score_on].confusion)
    predicted, pixels, positions = gradients(module, probe, images, labels)
    share = far_share(pixels, digits_in(labels[0], probe))
    return Evidence(config, information, predicted, pixels, positions, share)


def probe_of(data: SegmentationData) -> Probe:
    if data.source.probe is None or not data.source.probe.states:
        dataset = quoted(data.config.dataset)
        raise InputError(f"data set {dataset} is no probe whose digits have two states")
    return data.source.probe


def batch_of(data: SegmentationData, scene: int) -> tuple[Tensor, Tensor]:
    """An image (1, 3, S, S) and its labels (1, S, S), as the network gets them."""
    split = scored_split(data, scene)
    image, labels = data.in_order(split, range(scene, scene + 1)).dataset[0]
    return image[None], labels[None]


def scored_split(data: SegmentationData, scene: int) -> Split:
    """The split that a run scores; InputError if it lacks the scene."""
    if scene >= len(data.scored):
        raise InputError(f"scene {scene}: the last one is {len(data.scored) - 1}")
    return data.scored


def trained(config: RunConfig, data: SegmentationData) -> SegmentationModule:
    """The network that a run scores, in eval mode, its split scored."""
    seed_everything(config.seed, verbose=False)
    module = SegmentationModule(config, data.classes, data.source.probe)
    with quiet(), TemporaryDirectory() as folder:
        trainer = create_bare_trainer(config, Path(folder) / "best.ckpt")
        trainer.fit(module, data)
        score_network(trainer, module, data)
    return copy.deepcopy(module.cpu()).eval()  # a copy is not compiled: it takes hooks


def gradients(
    module: SegmentationModule, probe: Probe, images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The prediction, and the margin's gradients by pixels and by positions."""
    features: list[Tensor] = []
    encoder: Any = module.model.encoder

    def keep(host: object, arguments: object, output: list[Tensor]) -> None:
        features.append(output[-1])

    hook = encoder.register_forward_hook(keep, prepend=True)  # so before any block
    images = images.clone().requires_grad_()
    logits = module(images)  # (1, classes, S, S)
    hook.remove()
    found = margin(logits[0], labels[0], probe)
    by_image, by_feature = torch.autograd.grad(found, [images, features[0]])
    return (
        logits[0].argmax(dim=0),
        by_image[0].abs().sum(dim=0),
        by_feature[0].norm(dim=0),
    )


def margin(logits: Tensor, labels: Tensor, probe: Probe) -> Tensor:
    """Logits of the true state minus those of the other one, summed over digits."""
    total = logits.new_zeros(())
    for pair in probe.states:
        for true, other in (pair, pair[::-1]):
            total = total + (logits[true] - logits[other])[labels == true].sum()
    return total


def digits_in(labels: Tensor, probe: Probe) -> Tensor:
    """Where the digits are, (S, S), bool."""
    return torch.isin(labels, torch.tensor(probe.states))


def far_share(pixels: Tensor, digits: Tensor) -> float:
    """The share that is more than GAP rows or columns from every pixel of a digit."""
    near = max_pool2d(digits[None].float(), 2 * GAP + 1, stride=1, padding=GAP)[0] > 0
    return (pixels[~near].sum() / pixels.sum()).item()
