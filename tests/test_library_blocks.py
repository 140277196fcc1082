"""Blocks of other libraries keep the contract of a block, or are listed with the reason."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from segmentation_models_pytorch.base.modules import SCSEModule
from timm.layers.create_attn import get_attn
from timm.layers.eca import CecaModule, EcaModule
from timm.layers.squeeze_excite import SEModule
from torch import Tensor, nn

from ablations.attention.libraries import UNFIT, find_layer
from ablations.blocks import create_attention, find_block, is_ours, label_of
from ablations.catalogue import library_blocks
from ablations.complexity import measure, meta_macs
from ablations.complexity.audit import audit
from ablations.complexity.subjects import BlockCounts
from ablations.contract import check_block
from ablations.errors import InputError
from ablations.run_config import RunConfig
from ablations.sources import source_of
from reports.cost_notes import agreement
from sweeps import load_study

C, H, W = 32, 5, 7
NAMES = list(library_blocks())
FIT = [name for name in NAMES if name not in UNFIT]


def feature_map(height: int = H, width: int = W) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, C, height, width, generator=generator)


def keeps_shape_and_dtype_at_any_size(block: nn.Module) -> None:
    for dtype in (torch.float64, torch.float32):
        for size in [(1, 1), (1, 6), (H, W), (16, 9)]:
            x = feature_map(*size).to(dtype)
            y = block.to(dtype)(x)
            assert (y.shape, y.dtype) == (x.shape, dtype)
            assert y.isfinite().all()


def leaves_its_input_alone(block: nn.Module) -> None:
    x = feature_map()
    block(x)
    assert torch.equal(x, feature_map())


def treats_images_independently(block: nn.Module) -> None:
    x = feature_map()
    torch.testing.assert_close(block(x)[:1], block(x[:1]))


def gives_every_parameter_a_gradient(block: nn.Module) -> None:
    x = feature_map().requires_grad_()
    block.train()(x).square().sum().backward()
    assert x.grad is not None
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def takes_both_memory_formats(block: nn.Module) -> None:
    x = feature_map()
    y = block(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(y, block(x), rtol=1e-4, atol=1e-5)


def runs_under_autocast(block: nn.Module) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert block(feature_map()).isfinite().all()


PROMISES = [
    keeps_shape_and_dtype_at_any_size,
    leaves_its_input_alone,
    treats_images_independently,
    gives_every_parameter_a_gradient,
    takes_both_memory_formats,
    runs_under_autocast,
]


def build(name: str) -> nn.Module:
    """Without the check whether the block is listed as unfit."""
    torch.manual_seed(0)
    module: nn.Module = find_layer(name)(C)
    return module.eval()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", FIT)
def test_a_library_s_block(name: str, promise: Callable[[nn.Module], None]) -> None:
    promise(build(name))


@pytest.mark.parametrize("name", UNFIT)
def test_a_block_listed_as_unfit_is_refused_and_does_break_the_contract(name: str) -> None:
    with pytest.raises(InputError, match=f"block '{name}': "):
        create_attention(name, C)
    if name == "timm:ge" and release(version("timm")) < (1, 0, GE_BREAKS):
        return
    with pytest.raises((AssertionError, TypeError)):
        [promise(build(name)) for promise in PROMISES]


GE_BREAKS = 22


def release(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(".")[:3])


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("timm:ge(use_mlp=False)", (H, W)),
        ("timm:bottleneck(feat_size=[5, 7])", (H, W)),
        ("timm:halo(block_size=8)", (8, 16)),
        ("timm:bat(block_size=7)", (14, 7)),
    ],
)
def test_what_the_reason_advises_works(text: str, size: tuple[int, int]) -> None:
    assert text.partition("(")[0] in UNFIT
    check_block(text, C, size)


@pytest.mark.parametrize(
    ("text", "size", "problem"),
    [
        ("timm:halo(block_size=8)", (H, W), r"5x7 fails: AssertionError: .*block_size"),
        (
            "timm:bottleneck(feat_size=[5, 7])",
            (6, 7),
            "6x7 fails: AssertionError: .*assert",
        ),
        ("timm:sk(stride=2)", (6, 8), "returns 1x32x3x4 for an input of 1x32x6x8"),
        ("timm:eca(kernel_size='a')", (H, W), "kernel_size = 'a'"),
        ("timm:ese(kernel_size=3)", (H, W), "unknown option 'kernel_size'.*add_maxpool"),
        ("timm:sk(device='cuda')", (H, W), "unknown option 'device'"),
        ("smp:scse(reduction=64)", (H, W), "reduction = 64 must be from 1 to 32 channels"),
        ("timm:ecam(use_mlp=False)", (H, W), "unknown option 'use_mlp'"),
        ("timm:eca(kernel_size=4)", (H, W), "kernel_size = 4 must be odd"),
        ("timm:eca(kernel_size=5, beta=2)", (H, W), "leaves nothing to gamma and beta"),
        ("timm:ecaa", (H, W), "unknown block 'timm:ecaa'; did you mean 'timm:eca'"),
        ("smp:sce", (H, W), r"did you mean 'smp:scse'\? \(known: smp:scse\)"),
        ("timm:eca(se)", (H, W), "'se' is not an option"),
    ],
)
def test_what_a_library_refuses_is_one_line(
    text: str, size: tuple[int, int], problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        check_block(text, C, size)
    assert "\n" not in str(caught.value)


def test_every_name_is_one_that_timm_itself_knows() -> None:
    for name in NAMES[:-1]:
        assert get_attn(name.removeprefix("timm:")) is not None  # type: ignore[no-untyped-call]
    assert {"timm:se", "timm:eca", "timm:nl", "smp:scse"} <= set(NAMES)


@pytest.mark.parametrize(("name", "layer"), [("eca", EcaModule), ("ceca", CecaModule)])
def test_the_kernel_size_of_eca_is_the_one_stated(name: str, layer: type) -> None:
    """timm itself would compute 3 from 32 channels, whatever is stated."""
    stated = create_attention(f"timm:{name}(kernel_size=5)", C)
    assert isinstance(stated, layer)
    assert stated.get_parameter("conv.weight").shape == (1, 1, 5)
    plain = create_attention(f"timm:{name}", C)
    assert plain.get_parameter("conv.weight").shape == (1, 1, 3)
    wider = create_attention(f"timm:{name}(gamma=1)", C)  # log2(32) + 1, made odd
    assert wider.get_parameter("conv.weight").shape == (1, 1, 7)
    [promise(stated.eval()) for promise in PROMISES]


def test_a_layer_of_timm_is_also_named_by_import_path() -> None:
    block = create_attention("timm.layers:SEModule(rd_ratio=0.25)", C)
    assert isinstance(block, SEModule)
    assert block.fc1.out_channels == C // 4


def test_scse_is_smp_s_own() -> None:
    block = create_attention("smp:scse(reduction=4)", C)
    assert isinstance(block, SCSEModule)
    assert block.cSE[1].out_channels == C // 4


def test_a_library_s_block_is_neither_this_suite_s_nor_a_user_s() -> None:
    assert not is_ours("timm:eca")
    assert source_of({"block": "timm:eca(kernel_size=5)"}) == ""
    assert RunConfig(block="timm:eca").source == ""
    assert label_of("timm:eca(kernel_size=5)") == "timm:eca(kernel_size=5)"
    assert find_block("timm:eca").arxiv is None


@pytest.mark.parametrize("name", FIT)
def test_two_counters_agree_on_a_library_s_block(name: str) -> None:
    cost = measure(build(name), (1, C, H, W))
    assert cost.macs == meta_macs(build(name), (1, C, H, W))
    assert cost.params == sum(parameter.numel() for parameter in build(name).parameters())


def test_eca_costs_one_convolution_over_the_channels() -> None:
    counts = BlockCounts("timm:eca(kernel_size=5)", "direct", C, (H, W))
    assert (counts.params, counts.macs) == (5, 5 * C)
    assert "fvcore and torch.utils.flop_counter agree on 1 of 1" in agreement(
        audit([counts])
    )


def test_a_sweep_file_names_a_library_s_block(tmp_path: Path) -> None:
    """lambda is a word of Python, which an import path could not hold."""
    path = tmp_path / "library.yaml"
    path.write_text(
        "method: grid\nparameters:\n  block: {values: [timm:lambda, 'timm:eca(gamma=1)']}\n"
    )
    runs = load_study(path).runs()
    assert [run.config.block for run in runs] == ["timm:lambda", "timm:eca(gamma=1)"]
