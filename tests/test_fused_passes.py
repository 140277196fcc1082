"""The GPU kernels of PSA compute what the operations on the CPU compute.

Without a GPU, Triton's interpreter runs the kernels on the CPU (conftest.py), and its
compiler shows that they compile for GPUs. Their speed can only be measured on a GPU.
"""

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from ablations.attention.fast import FeatureMap, feature_map
from ablations.blocks import create_attention

pytest.importorskip("triton")
from ablations.attention.fast import fused_passes

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
USERS = {
    "psa_parallel": "polarized",
    "psa_sequential": "polarized",
    "psa_parallel_code": "polarized_code",
    "psa_sequential_code": "polarized_code",
}


@pytest.fixture(params=USERS)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def values(
    name: str, x: Tensor, kind: type[FeatureMap], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Tensor]:
    """The output, and the gradients of a random weighted sum of it."""
    monkeypatch.setattr(f"ablations.attention.{USERS[name]}.feature_map", kind)
    torch.manual_seed(0)
    block = create_attention(name, x.shape[1], "fast")
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.2)
    block.to(x)
    x, parameters = x.detach().requires_grad_(), dict(block.named_parameters())
    y = block(x)
    gradients = torch.autograd.grad(y, [x, *parameters.values()], torch.randn_like(y))
    return dict(zip(["y", "x", *parameters], [y.detach(), *gradients], strict=True))


@pytest.mark.parametrize(
    "shape", [(2, 48, 9, 17), (1, 32, 1, 1)], ids=["two tiles each way", "one position"]
)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_kernels_agree_with_the_operations(
    name: str,
    shape: tuple[int, ...],
    memory_format: torch.memory_format,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = torch.randn(shape, device=DEVICE).contiguous(memory_format=memory_format)
    expected = values(name, x, FeatureMap, monkeypatch)
    actual = values(name, x, fused_passes.FusedFeatureMap, monkeypatch)
    assert actual["y"].stride() == expected["y"].stride()
    for key, value in expected.items():
        torch.testing.assert_close(actual[key], value, rtol=1e-4, atol=2e-5, msg=key)


def test_kernels_take_bfloat16(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 48, 9, 17, device=DEVICE)
    expected = values(name, x, FeatureMap, monkeypatch)["y"]
    actual = values(name, x.bfloat16(), fused_passes.FusedFeatureMap, monkeypatch)["y"]
    torch.testing.assert_close(actual.float(), expected, rtol=0.03, atol=0.03)


def test_the_cpu_and_double_precision_need_no_kernels() -> None:
    assert type(feature_map(torch.zeros(1, 2, 3, 3))) is FeatureMap
    assert type(feature_map(torch.zeros(1, 2, 3, 3).double().to(DEVICE))) is FeatureMap


@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 90])
def test_kernels_compile_for_gpus(capability: int) -> None:
    code = f"""
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from ablations.attention.fast.fused_passes import attend_kernel, gate_kernel
known = dict(channels=64, channel_tile=32, position_tile=128, adds=True,
             x_position=1, y_position=1)
floats = dict.fromkeys(["scores", "largest", "sums"], "*fp32")
others = dict.fromkeys(["x", "y", "row", "position", "channel", "offset"], "*bf16")
for kernel in (attend_kernel, gate_kernel):
    constants = {{name: known[name] for name in kernel.arg_names if name in known}}
    types = {{name: (floats | others).get(name, "i32") for name in kernel.arg_names}}
    types |= dict.fromkeys(constants, "constexpr")
    source = ASTSource(fn=kernel, signature=types, constexprs=constants)
    assert triton.compile(source, target=GPUTarget("cuda", {capability}, 32)).asm["cubin"]
"""
    environment = {key: v for key, v in os.environ.items() if key != "TRITON_INTERPRET"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
