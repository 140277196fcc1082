"""Every registered block fulfils the contract of a plug-in attention block."""

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.attention.base import AttentionBlock, Evaluation
from ablations.attention.cbam import CBAM
from ablations.blocks import create_attention
from ablations.complexity import measure, meta_macs
from ablations.errors import InputError

C, H, W = 32, 5, 7  # odd and unequal, so that a swapped axis is noticed
SIZES = [(1, 1), (1, 6), (H, W)]
WITH_SPATIAL_KERNEL = {
    "cbam", "non_local_code", "criss_cross", "coordinate", "triplet", "note_channel"
}  # fmt: skip
NEEDS_MULTIPLE_OF = {
    "se": 16, "se(ratio=4)": 4, "gc": 4, "gc(ratio=16)": 16, "cbam": 16, "non_local": 2,
    "non_local_code": 2, "da": 8, "ea": 2, "ea(heads=8)": 16, "criss_cross": 8,
    "psa_channel": 2, "psa_spatial": 2, "psa_parallel": 2, "psa_sequential": 2,
    "psa_parallel_code": 2, "psa_sequential_code": 8, "note_spatial": 16,
}  # fmt: skip


@pytest.fixture(params=["direct", "fast"])
def evaluation(request: pytest.FixtureRequest) -> Evaluation:
    chosen: Evaluation = request.param
    return chosen


@pytest.fixture(params=BLOCKS)
def block(request: pytest.FixtureRequest, evaluation: Evaluation) -> AttentionBlock:
    return random_block(request.param, evaluation)


def random_block(name: str, evaluation: Evaluation, channels: int = C) -> AttentionBlock:
    """A block in eval mode in which no gain, convolution or norm is zero or one."""
    torch.manual_seed(0)
    block = create_attention(name, channels, evaluation).double().eval()
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.2)
    assert isinstance(block, AttentionBlock)
    return block


def feature_map(height: int = H, width: int = W) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, C, height, width, generator=generator, dtype=torch.float64)


def permute_positions(x: Tensor) -> Tensor:
    order = torch.randperm(H * W, generator=torch.Generator().manual_seed(2))
    return x.flatten(2)[..., order].reshape(x.shape)


@pytest.mark.parametrize("size", SIZES)
def test_keeps_the_shape_at_any_size(block: nn.Module, size: tuple[int, int]) -> None:
    y = block(feature_map(*size))
    assert y.shape == (2, C, *size)
    assert y.isfinite().all()


def test_treats_images_independently(block: nn.Module) -> None:
    x = feature_map()
    torch.testing.assert_close(block(x)[:1], block(x[:1]))


def test_permuting_positions_permutes_the_output(
    block: nn.Module, request: pytest.FixtureRequest
) -> None:
    x = feature_map()
    equal = torch.allclose(block(permute_positions(x)), permute_positions(block(x)))
    assert equal is (request.node.callspec.params["block"] not in WITH_SPATIAL_KERNEL)


def test_leaves_its_input_alone(block: nn.Module) -> None:
    x = feature_map()
    block(x)
    assert torch.equal(x, feature_map())


def test_gradient_reaches_every_parameter(block: nn.Module) -> None:
    x = feature_map().requires_grad_()
    block(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_memory_format_does_not_change_the_result(block: nn.Module) -> None:
    x = feature_map()
    y = block(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(y, block(x))


def test_runs_under_bfloat16_autocast(block: nn.Module) -> None:
    block.float()
    x = feature_map().float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = block(x)
    y.float().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    expected = block(x)
    error = (y.float() - expected).abs().max() / expected.abs().max()
    assert error.detach() < 0.05


@pytest.mark.parametrize("size", SIZES)
def test_three_counts_of_the_cost_agree(
    block: AttentionBlock, size: tuple[int, int]
) -> None:
    """Two independent counters watch the operators; the third count is by hand."""
    params, macs = block.closed_form(*size)
    cost = measure(block.float(), (1, C, *size))
    assert (cost.params, cost.macs) == (params, macs)
    assert meta_macs(block, (1, C, *size)) == macs


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # from the compiler itself
def test_compiles_without_a_graph_break(block: nn.Module) -> None:
    torch._dynamo.reset()
    x = feature_map().requires_grad_()
    inputs = [x, *block.parameters()]
    expected, y = block(x), torch.compile(block, fullgraph=True)(x)
    torch.testing.assert_close(y, expected)
    derivatives = torch.autograd.grad(y.square().sum(), inputs)
    torch.testing.assert_close(
        derivatives, torch.autograd.grad(expected.square().sum(), inputs)
    )


@pytest.mark.slow
def test_exports_to_a_program_for_any_batch(block: nn.Module) -> None:
    x = feature_map()
    batch = {0: torch.export.Dim("batch")}
    exported = torch.export.export(block, (x,), dynamic_shapes=(batch,)).module()
    torch.testing.assert_close(exported(x[:1]), block(x[:1]))


@pytest.mark.parametrize(("name", "multiple"), NEEDS_MULTIPLE_OF.items())
def test_channels_that_cannot_be_divided_are_an_error(name: str, multiple: int) -> None:
    for channels in (multiple + multiple // 2, multiple // 2):
        message = f"{re.escape(name)}.*{channels} .*multiple of {multiple}"
        with pytest.raises(InputError, match=message):
            create_attention(name, channels)


def test_new_blocks_start_as_their_authors_start_them() -> None:
    """As the identity; in CBAM with spatial weights of one half for any input."""
    x = feature_map().float()
    for name in ("gc", "non_local", "non_local_code", "criss_cross"):
        torch.testing.assert_close(create_attention(name, C)(x), x)
    cbam = create_attention("cbam", C)
    assert isinstance(cbam, CBAM)
    assert (cbam.spatial_weights(x[:, :2]) == 0.5).all()


def test_unknown_name_suggests_the_nearest_and_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"did you mean 'psa_parallel'.*note_spatial"):
        create_attention("psa_paralel", C)


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "my_own_attention.py"


def test_a_block_of_one_s_own_is_named_by_import_path(own_file: Path) -> None:
    own_file.write_text(
        "from torch import nn\ndef pointwise(width): return nn.Conv2d(width, width, 1)"
    )
    block = create_attention("my_own_attention:pointwise", C)
    assert isinstance(block, nn.Conv2d)
