"""The baselines of the PSA paper (arXiv 2107.00782) as its tables counted them.

smp has networks of the same names with other heads; the published figures are of these.
Each has the parts that placements look for: encoder, decoder and segmentation_head.
"""

from collections.abc import Callable

from torch import nn

from ablations.paper_models.deeplabv3plus import DeepLabV3Plus
from ablations.paper_models.hrnet_pose import HRNetPose
from ablations.paper_models.simple_baseline import SimpleBaseline

# (encoder, classes, encoder_weights) -> network
PAPER_MODELS: dict[str, Callable[[str, int, str | None], nn.Module]] = {
    "paper_deeplabv3plus": DeepLabV3Plus,
    "paper_simple_baseline": SimpleBaseline,
    "paper_hrnet_pose": HRNetPose,
}
