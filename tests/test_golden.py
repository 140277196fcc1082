"""Every block computes what a public reference of its paper computes.

Each file of tests/golden holds parameters, an input x, the output y, a cotangent w and
the derivative grad_x of sum(y * w), all computed in float64 by the reference. The released
code of the non-local block needs Caffe2: its file comes from the formula in
golden_formulas.py. The other files are compared with their formulas.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.attention.base import EVALUATIONS, AttentionBlock, Evaluation
from ablations.attention.dual_attention import ChannelAttention, PositionAttention
from ablations.attention.efficient_attention import EfficientAttention
from ablations.attention.reading_note import ExcitedSpatialAttention
from ablations.blocks import find_block, set_evaluation
from tests.golden_files import BOUND, FOLDER, differences
from tests.golden_formulas import FORMULAS

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")

SE = {"fc.0.": "reduce.", "fc.2.": "expand."}
GC = {
    "conv_mask.": "key.",
    "channel_add_conv.0.": "reduce.",
    "channel_add_conv.1.": "norm.",
    "channel_add_conv.3.": "expand.",
}
CBAM = {
    "ChannelGate.mlp.1.": "reduce.",
    "ChannelGate.mlp.3.": "expand.",
    "SpatialGate.spatial.conv.": "conv.",
    "SpatialGate.spatial.bn.": "norm.",
}
NL = {"theta.": "query.", "phi.": "key.", "g.": "value.", "W.": "expand."}
RELEASED_NL = {
    "theta.": "query.",
    "phi.": "key.",
    "g.": "value.",
    "out.": "expand.",
    "bn.": "norm.",
}
PAM = {"query_conv.": "query.", "key_conv.": "key.", "value_conv.": "value."}
PAM_AND_GAIN = {**PAM, "gamma": "gain"}
DA = {
    **{f"sa.{theirs}": f"position.{ours}" for theirs, ours in PAM_AND_GAIN.items()},
    "sc.gamma": "channel.gain",
}
EA = {
    "keys.": "key.",
    "queries.": "query.",
    "values.": "value.",
    "reprojection.": "expand.",
}
COORDINATE = {"conv1.": "reduce.", "bn1.": "norm.", "conv_h.": "row.", "conv_w.": "column."}
TRIPLET = {
    f"{gate}.conv.{theirs}.": f"{axis}.{ours}."
    for gate, axis in (("cw", "height"), ("hc", "width"), ("hw", "channel"))
    for theirs, ours in (("conv", "conv"), ("bn", "norm"))
}
PSA = {
    "ch_wq.": "channel.query.",
    "ch_wv.": "channel.value.",
    "ch_wz.": "channel.expand.",
    "ln.": "channel.norm.",
    "sp_wq.": "spatial.query.",
    "sp_wv.": "spatial.value.",
}
RELEASED_PSA = {
    "conv_q_right.": "channel_query.",
    "conv_v_right.": "channel_value.",
    "conv_q_left.": "spatial_query.",
    "conv_v_left.": "spatial_value.",
    "conv_up.": "expand.",
}
NOTE = {"fc1.": "reduce.", "fc2.": "expand.", "conv.": "conv."}


class Reference(NamedTuple):
    """How our block is built, and our prefix for each prefix of the reference."""

    build: Callable[[int], nn.Module]
    names: dict[str, str]


REFERENCES = {
    "se_r16": Reference(BLOCKS["se"].build, SE),
    "se_r4": Reference(find_block("se(ratio=4)").build, SE),
    "gc_r4": Reference(BLOCKS["gc"].build, GC),
    "gc_r16": Reference(find_block("gc(ratio=16)").build, GC),
    "gc_r16_c64": Reference(find_block("gc(ratio=16)").build, GC),
    "cbam_r16": Reference(BLOCKS["cbam"].build, CBAM),
    "nl_embedded_gaussian": Reference(BLOCKS["non_local"].build, NL),
    "non_local_code": Reference(BLOCKS["non_local_code"].build, RELEASED_NL),
    "da_pam": Reference(PositionAttention, PAM_AND_GAIN),
    "da_cam": Reference(ChannelAttention, {"gamma": "gain"}),
    "da_sum": Reference(BLOCKS["da"].build, DA),
    "ea_h1": Reference(BLOCKS["ea"].build, EA),
    "ea_h2": Reference(lambda channels: EfficientAttention(channels, heads=2), EA),
    "criss_cross": Reference(BLOCKS["criss_cross"].build, PAM_AND_GAIN),
    "criss_cross_once": Reference(
        find_block("criss_cross(recurrence=1)").build, PAM_AND_GAIN
    ),
    "coordinate": Reference(BLOCKS["coordinate"].build, COORDINATE),
    "simam": Reference(BLOCKS["simam"].build, {}),
    "triplet": Reference(BLOCKS["triplet"].build, TRIPLET),
    "psa_fig2_channel_only": Reference(BLOCKS["psa_channel"].build, PSA),
    "psa_fig2_spatial_only": Reference(BLOCKS["psa_spatial"].build, PSA),
    "psa_fig2_parallel": Reference(BLOCKS["psa_parallel"].build, PSA),
    "psa_fig2_sequential": Reference(BLOCKS["psa_sequential"].build, PSA),
    "psa_p": Reference(BLOCKS["psa_parallel_code"].build, RELEASED_PSA),
    "psa_s": Reference(BLOCKS["psa_sequential_code"].build, RELEASED_PSA),
    "note_channel_attention_with_spatial": Reference(BLOCKS["note_channel"].build, NOTE),
    "note_spatial_attention_with_channel_r16": Reference(
        BLOCKS["note_spatial"].build, NOTE
    ),
    "note_spatial_attention_with_channel_r4": Reference(
        lambda channels: ExcitedSpatialAttention(channels, ratio=4), NOTE
    ),
}


def load(name: str) -> dict[str, Tensor]:
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays}


def our_name(theirs: str, names: dict[str, str]) -> str:
    prefix = next(prefix for prefix in names if theirs.startswith(prefix))
    return names[prefix] + theirs.removeprefix(prefix)


def load_block(name: str, golden: dict[str, Tensor]) -> AttentionBlock:
    """Our block with the reference's parameters, in float64 and eval mode."""
    build, names = REFERENCES[name]
    block = build(golden["x"].shape[1]).double().eval()
    assert isinstance(block, AttentionBlock)
    shapes = {key: value.shape for key, value in block.state_dict().items()}
    parameters = {
        our_name(key.removeprefix("param/"), names): value
        for key, value in golden.items()
        if key.startswith("param/")
    }
    block.load_state_dict({k: v.reshape(shapes[k]) for k, v in parameters.items()})
    return block


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return float((actual.detach() - expected).abs().max() / expected.abs().max())


def test_every_file_has_a_reference_and_every_block_a_file() -> None:
    assert set(REFERENCES) == {path.stem for path in FOLDER.glob("*.npz")}
    assert set(REFERENCES) == set(FORMULAS)
    builders = {reference.build for reference in REFERENCES.values()}
    assert builders >= {block.build for key, block in BLOCKS.items() if key != "none"}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_file_holds_what_its_formula_says(name: str) -> None:
    assert max(differences(name).values()) <= BOUND


@pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.float64, 1e-9), (torch.float32, 1e-5)], ids=["f64", "f32"]
)
@pytest.mark.parametrize("evaluation", EVALUATIONS)
@pytest.mark.parametrize("name", REFERENCES)
def test_output_and_input_gradient_are_the_reference_s(
    name: str, evaluation: Evaluation, dtype: torch.dtype, bound: float
) -> None:
    golden = load(name)
    block = set_evaluation(load_block(name, golden), evaluation).to(dtype)
    x = golden["x"].to(dtype).requires_grad_()
    y = block(x)
    (grad_x,) = torch.autograd.grad(y, x, golden["w"].to(dtype))
    assert relative_error(y.double(), golden["y"]) <= bound
    assert relative_error(grad_x.double(), golden["grad_x"]) <= bound


@pytest.mark.parametrize("branch", ["channel", "spatial"])
def test_one_branch_gives_the_reference_s_weights(branch: str) -> None:
    golden = load(f"psa_fig2_{branch}_only")
    block = load_block(f"psa_fig2_{branch}_only", golden)
    weights = block.get_submodule(branch).weights(golden["x"])  # type: ignore[operator]
    assert relative_error(weights, golden["weights"]) <= 1e-9


@pytest.mark.parametrize("name", REFERENCES)
def test_number_of_parameters_is_the_reference_s(name: str) -> None:
    golden = load(name)
    block = load_block(name, golden)
    theirs = sum(
        value.numel()
        for key, value in golden.items()
        if key.startswith("param/") and not key.endswith(BUFFERS)
    )
    assert sum(parameter.numel() for parameter in block.parameters()) == theirs
    assert block.closed_form(5, 7).params == theirs
