"""Blocks recorded by a tracer or an exporter compute what they did before."""

from collections.abc import Callable

import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from ablations.attention import BLOCKS
from ablations.attention.base import EVALUATIONS, Evaluation
from ablations.blocks import create_attention
from ablations.models import create_model

C = 32
SIZES = [(2, 5, 7), (3, 9, 8)]  # the first one is recorded
MAXIMA_AND_SUMS = [
    "cbam",
    "psa_parallel",
]  # the rest of the registry is slower, not different

pytestmark = pytest.mark.filterwarnings(
    "ignore::torch.jit.TracerWarning",  # of constants in a trace
    "ignore::DeprecationWarning",  # of torch, in torch
    "ignore::FutureWarning",
)


def random_block(name: str, evaluation: Evaluation) -> nn.Module:
    torch.manual_seed(0)
    block = create_attention(name, C, evaluation).eval()
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.2)
    return block


def feature_map(batch: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, C, height, width, generator=generator)


def gradients(module: nn.Module, x: Tensor, parameters: list[nn.Parameter]) -> list[Tensor]:
    """The output, and the gradients of a sum of it."""
    x = x.detach().requires_grad_()
    y = module(x)
    return [y, *torch.autograd.grad(y.square().sum(), [x, *parameters])]


def export(module: nn.Module, x: Tensor, dynamic: bool) -> Callable[[Tensor], Tensor]:
    """The module in ONNX Runtime, for any size if dynamic."""
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC) if dynamic else {}
    program = torch.onnx.export(
        module, (x,), dynamo=True, dynamic_shapes=(sizes,), verbose=False
    )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    (name,) = (entry.name for entry in session.get_inputs())
    return lambda x: torch.from_numpy(session.run(None, {name: x.numpy()})[0])


@pytest.mark.parametrize("grad_enabled", [True, False], ids=["grad", "no grad"])
@pytest.mark.parametrize("evaluation", EVALUATIONS)
@pytest.mark.parametrize("name", BLOCKS)
def test_a_trace_has_the_values_and_gradients_of_the_block(
    name: str, evaluation: Evaluation, grad_enabled: bool
) -> None:
    """It does not matter whether gradients are enabled while it is traced."""
    block = random_block(name, evaluation)
    with torch.set_grad_enabled(grad_enabled):
        trace = torch.jit.trace(block, feature_map(*SIZES[0]))  # type: ignore[no-untyped-call]
    parameters = list(block.parameters())
    expected = gradients(block, feature_map(*SIZES[0]), parameters)
    traced = dict(trace.named_parameters())
    theirs = [traced[key] for key, _ in block.named_parameters()]
    actual = gradients(trace, feature_map(*SIZES[0]), theirs)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        x = feature_map(*SIZES[0])
        torch.testing.assert_close(trace(x), block(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_graph_of_a_block_has_its_values_and_gradients(name: str) -> None:
    block = random_block(name, "fast")
    x = feature_map(*SIZES[0])
    with torch.no_grad():
        graph = make_fx(block)(x)
    torch.testing.assert_close(gradients(graph, x, []), gradients(block, x, []))


@pytest.mark.parametrize("evaluation", EVALUATIONS)
@pytest.mark.parametrize(
    "name",
    [pytest.param(key, marks=[pytest.mark.slow] * (key not in MAXIMA_AND_SUMS))
     for key in BLOCKS],
)  # fmt: skip
def test_onnx_runtime_computes_what_the_block_does(
    name: str, evaluation: Evaluation
) -> None:
    block = random_block(name, evaluation)
    run = export(block, feature_map(*SIZES[0]), dynamic=True)
    for size in SIZES:
        x = feature_map(*size)
        torch.testing.assert_close(run(x), block(x).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("evaluation", EVALUATIONS)
@pytest.mark.parametrize("block", ["cbam", "psa_sequential"])
def test_onnx_runtime_computes_what_a_whole_model_does(
    block: str, evaluation: Evaluation
) -> None:
    torch.manual_seed(0)
    network = create_model("unet", "resnet18", 5, block, "stages", evaluation).eval()
    run = export(network, torch.randn(2, 3, 64, 96), dynamic=False)
    images = torch.randn(2, 3, 64, 96)
    torch.testing.assert_close(run(images), network(images).detach(), rtol=1e-3, atol=1e-4)
