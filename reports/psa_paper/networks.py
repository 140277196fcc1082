"""The networks behind the rows of Tables 2, 3 and 4, inferred by counting.

Each row names the network that its printed numbers imply and the alternatives;
verdicts.py counts them all. Rows whose networks are not rebuilt here (Hourglass and CPN in
Table 4) are left out.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from ablations.bare_models import BareModel
from ablations.complexity.subjects import ModelCounts, Setting
from reports.psa_paper.printed import Key

SMALL, LARGE = (256, 192), (384, 288)  # inputs of the pose networks

BLOCK_NAMES = {
    "psa_parallel_code": "PSA_p",
    "psa_sequential_code": "PSA_s",
    "psa_parallel": "Figure 2's PSA",
    "ablations.paper_models.rounded_psa:RoundedParallelPSA": "PSA_p",
    "ablations.paper_models.rounded_psa:RoundedSequentialPSA": "PSA_s",
}
PLACES = {
    "residual": "in {} residual blocks",
    "bottlenecks": "in {} Bottlenecks",
    "basic_blocks": "in {} BasicBlocks",
    "first_two_3x3": "after the first {} 3x3 convolutions",
    "depthwise": "after {} depthwise convolutions",
    "logits": "on the logits",
}


class Variant(NamedTuple):
    """One network that a printed row may stand for."""

    setting: Setting
    block: str = "none"

    @property
    def counts(self) -> ModelCounts:
        return counts_of(self)

    @property
    def label(self) -> str:
        """The name in reasons, such as PSA_p in 16 Bottlenecks."""
        if self.block == "none":
            return "without a block"
        placement = self.setting.placement
        if placement == "residual" and "hrnet" not in self.setting.bare.model:
            placement = "bottlenecks"
        place = PLACES[placement].format(len(self.setting.sites))
        return f"{BLOCK_NAMES[self.block]} {place}"

    def with_block(self, block: str, placement: str = "residual") -> "Variant":
        return Variant(self.setting._replace(placement=placement), block)


@cache
def counts_of(variant: Variant) -> ModelCounts:
    """The same object for equal variants, so that each network is counted only once."""
    return ModelCounts(variant.block, "direct", variant.setting)


class RebuiltRow(NamedTuple):
    """The network that a row stands for.

    A reason also says what the others would give. readme maps the paper's columns to the
    figures in the public README of the network's authors.
    """

    implied: Variant
    others: tuple[Variant, ...] = ()
    readme: Mapping[str, str] = {}


class UndeterminedRow(NamedTuple):
    """A row whose placement is not public, and the candidates for it."""

    candidates: tuple[Variant, ...]


class RowOnPrintedBase(NamedTuple):
    """Blocks in a network that is not rebuilt, so added to its printed row."""

    base: Key
    implied: Variant
    others: tuple[Variant, ...]


def pose(model: str, encoder: str, size: tuple[int, int] = LARGE) -> Variant:
    """17 joints; the output is the heat maps, without post-processing."""
    bare = BareModel(f"paper_{model}_heatmaps", encoder, 17)
    return Variant(Setting(bare, "residual", size))


def deeplab(encoder: str) -> Variant:
    """21 classes of Pascal VOC."""
    bare = BareModel("paper_deeplabv3plus", encoder, 21)
    return Variant(Setting(bare, "residual", (513, 513)))


def with_psa(bare: Variant, layout: str, placement: str = "residual") -> RebuiltRow:
    """The released code's PSA in one layout; others: the other layout and Figure 2."""
    released = ["psa_parallel_code", "psa_sequential_code"]
    released.sort(key=lambda block: layout not in block)
    names = [*released, "psa_parallel"]
    implied, *others = [bare.with_block(name, placement) for name in names]
    if placement == "basic_blocks":
        others.append(bare.with_block(implied.block))  # and stage 1
    return RebuiltRow(implied, tuple(others))


def on_base(base: Key, bare: Variant, layout: str) -> RowOnPrintedBase:
    implied, others, _ = with_psa(bare, layout, "basic_blocks")
    return RowOnPrintedBase(base, implied, others[:1])


def mobilenet_with_psa() -> UndeterminedRow:
    bare = deeplab("mobilenet_v2")
    rounded = "ablations.paper_models.rounded_psa:Rounded{}PSA".format
    return UndeterminedRow(
        (
            bare.with_block("psa_parallel_code", "first_two_3x3"),
            bare.with_block("psa_sequential_code", "first_two_3x3"),
            bare.with_block(rounded("Parallel"), "logits"),
            bare.with_block(rounded("Sequential"), "logits"),
            bare.with_block("psa_parallel_code", "depthwise"),
            bare.with_block("psa_sequential_code", "depthwise"),
        )
    )


BASELINE_50 = pose("simple_baseline", "resnet50")
BASELINE_152 = pose("simple_baseline", "resnet152")
HRNET_32 = pose("hrnet_pose", "tu-hrnet_w32")
HRNET_48 = pose("hrnet_pose", "tu-hrnet_w48")
SMALL_50 = pose("simple_baseline", "resnet50", SMALL)
SMALL_101 = pose("simple_baseline", "resnet101", SMALL)
SMALL_152 = pose("simple_baseline", "resnet152", SMALL)
SMALL_HRNET_32 = pose("hrnet_pose", "tu-hrnet_w32", SMALL)
SMALL_HRNET_48 = pose("hrnet_pose", "tu-hrnet_w48", SMALL)

# From https://github.com/leoxiaobin/deep-high-resolution-net.pytorch (commit 6f69e46; its
# tool counts differently) and https://github.com/HuangJunJie2017/UDP-Pose (commit eb12859).
UDP = {"mPara": "63.8"}

ROWS: dict[Key, RebuiltRow | UndeterminedRow | RowOnPrintedBase] = {
    (2, 1): RebuiltRow(BASELINE_50, readme={"Flops": "20.0"}),
    (2, 2): with_psa(BASELINE_50, "sequential"),
    (2, 3): RebuiltRow(BASELINE_152, readme={"Flops": "35.3"}),
    (2, 4): with_psa(BASELINE_152, "parallel"),
    (2, 5): RebuiltRow(HRNET_32),
    (2, 6): with_psa(HRNET_32, "parallel", "basic_blocks"),
    (2, 7): RebuiltRow(HRNET_48),
    (2, 8): with_psa(HRNET_48, "parallel", "basic_blocks"),
    (3, 1): RebuiltRow(deeplab("mobilenet_v2")),
    (3, 2): mobilenet_with_psa(),
    (3, 3): RebuiltRow(deeplab("resnet50")),
    (3, 4): with_psa(deeplab("resnet50"), "parallel"),
    (3, 5): RebuiltRow(deeplab("resnet101")),
    (3, 6): with_psa(deeplab("resnet101"), "parallel"),
    (4, 4): RebuiltRow(SMALL_50, readme={"Flops": "8.9"}),
    (4, 5): RebuiltRow(SMALL_101),
    (4, 6): RebuiltRow(SMALL_152, readme={"Flops": "15.7"}),
    (4, 7): RebuiltRow(SMALL_HRNET_32),
    (4, 8): RebuiltRow(SMALL_HRNET_48),
    (4, 9): RebuiltRow(SMALL_HRNET_32),
    (4, 10): RebuiltRow(SMALL_HRNET_48, readme=UDP | {"Flops": "14.7"}),
    (4, 11): RebuiltRow(BASELINE_152),
    (4, 12): RebuiltRow(HRNET_32),
    (4, 13): RebuiltRow(HRNET_48),
    (4, 14): RebuiltRow(HRNET_48),
    (4, 15): RebuiltRow(HRNET_48, readme=UDP | {"Flops": "33.0"}),
    (4, 16): RebuiltRow(HRNET_48, readme=UDP | {"Flops": "33.0"}),
    (4, 17): on_base((4, 10), SMALL_HRNET_48, "parallel"),
    (4, 18): on_base((4, 15), HRNET_48, "parallel"),
    (4, 19): on_base((4, 15), HRNET_48, "sequential"),
}
CONVENTION_OF_TABLE = {2: "hrnet", 3: "thop", 4: "hrnet"}
