"""How blocks are computed fast: `feature_map(x)`, and the passes behind it.

A block's file says what it computes; the files here say how to read a feature map as few
times as possible: on the CPU with torch's operations, on a GPU with Triton kernels.
"""

from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from ablations.attention.fast.feature_map import FeatureMap
from ablations.attention.fast.passes import is_recorded

__all__ = ["FeatureMap", "feature_map"]


def feature_map(x: Tensor) -> FeatureMap:
    """The feature map x; on a GPU that Triton supports, its passes are fused."""
    if not can_fuse(x):
        return FeatureMap(x)
    from ablations.attention.fast.fused_passes import FusedFeatureMap

    return FusedFeatureMap(x)


def can_fuse(x: Tensor) -> bool:
    if is_recorded() or not x.is_cuda or x.dtype == torch.float64:
        return False
    return has_triton() and torch.cuda.get_device_capability(x.device) >= (8, 0)


@cache
def has_triton() -> bool:
    return find_spec("triton") is not None
