"""The blocks and shapes that are measured: given one by one, or of an encoder's stages."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ablations.bare_models import BareModel
from ablations.contract import Size
from ablations.sites import find_sites, site_stages

STAGES = "stages@2-5"  # in a ResNet, conv2_x to conv5_x of its paper

Shape = tuple[int, int, int, int]  # (B, C, H, W)


class Case(NamedTuple):
    """One block on one input."""

    block: str
    shape: Shape
    dtype: str  # torch's name
    image: str = ""  # the size of the images, if the shape is that of a stage
    stage: int = 0

    @property
    def text(self) -> str:
        return f"{self.block} at {by(self.shape)}, {self.dtype}"


def shape_cases(
    blocks: Sequence[str], shapes: Sequence[Shape], dtypes: Sequence[str]
) -> list[Case]:
    return [
        Case(block, shape, dtype)
        for block in blocks
        for shape in shapes
        for dtype in dtypes
    ]


def stage_cases(
    blocks: Sequence[str], encoder: str, sizes: Sequence[Size], dtypes: Sequence[str]
) -> list[Case]:
    """Every block at each stage of an encoder for one image, size after size."""
    return [
        Case(block, shape, dtype, by(size), stage)
        for size in sizes
        for block in blocks
        for stage, shape in stage_shapes(encoder, size)
        for dtype in dtypes
    ]


def stage_shapes(encoder: str, size: Size) -> Iterator[tuple[int, Shape]]:
    """The stages of an encoder, and what a block receives there for one image.

    Raises InputError for a size that the encoder cannot take.
    """
    bare = BareModel("unet", encoder, 2)
    stages = site_stages(bare, STAGES)
    for site in find_sites(bare, STAGES, size):
        if site.size:
            yield stages[site.path], (1, site.channels, *site.size)


def by(sides: Sequence[int]) -> str:
    """As in 1x512x64x64."""
    return "x".join(map(str, sides))
