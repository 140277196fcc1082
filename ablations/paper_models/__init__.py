"""The baselines of the PSA paper (arXiv 2107.00782) as its tables counted them.

smp has networks of the same names with other heads; the published figures are for these.
The pose networks' heat maps have a quarter of the image's resolution. Here they are
enlarged, so that they can be trained on masks, except in those named _heatmaps.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from ablations.paper_models.deeplabv3plus import DeepLabV3Plus
from ablations.paper_models.hrnet_pose import HRNetPose
from ablations.paper_models.simple_baseline import SimpleBaseline

# (encoder, classes, encoder_weights) -> network
PAPER_MODELS: dict[str, Callable[[str, int, str | None], nn.Module]] = {
    "paper_deeplabv3plus": DeepLabV3Plus,
    "paper_simple_baseline": SimpleBaseline,
    "paper_simple_baseline_heatmaps": partial(SimpleBaseline, upsampling=1),
    "paper_hrnet_pose": HRNetPose,
    "paper_hrnet_pose_heatmaps": partial(HRNetPose, upsampling=1),
}
