"""Both evaluations of a block compute the same function, and fast keeps its promises."""

import copy

import pytest
import torch
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.attention.fast import passes
from ablations.benchmark.memory import bytes_for_backward, peak_memory
from ablations.blocks import create_attention, set_evaluation

C = 32
SIZES = [(1, 1), (1, 6), (5, 7), (18, 17)]  # the last has more positions than one tile
LAYOUTS = ["contiguous", "channels_last", "cropped", "one of two halves"]
LINEAR_MEMORY = [k for k in BLOCKS if k.startswith(("psa", "note", "cbam", "gc"))]


class Pair:
    """One block evaluated both ways, with random parameters."""

    def __init__(self, name: str, channels: int = C) -> None:
        torch.manual_seed(0)
        self.direct = create_attention(name, channels, "direct").double().eval()
        for parameter in self.direct.parameters():
            nn.init.normal_(parameter, std=0.2)
        self.fast = set_evaluation(copy.deepcopy(self.direct), "fast")

    def gradients(self, module: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """The output, and the gradients of a random weighted sum of it."""
        x = x.detach().requires_grad_()
        parameters = dict(module.named_parameters())
        y = module(x)
        cotangent = torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
        values = torch.autograd.grad(y, [x, *parameters.values()], cotangent.to(y))
        return dict(zip(["y", "x", *parameters], [y.detach(), *values], strict=True))

    def error(self, x: Tensor) -> float:
        """The largest difference between two results, relative to the largest magnitude."""
        direct = self.gradients(self.direct, x)
        fast = self.gradients(self.fast, x)
        return max(relative_error(fast[name], direct[name]) for name in direct)


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Below a magnitude of one the error is absolute: some derivatives are zero."""
    return float((actual - expected).abs().max() / expected.abs().max().clamp(min=1))


@pytest.fixture(params=BLOCKS)
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(request.param)


def feature_map(height: int, width: int, layout: str = "contiguous") -> Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4, C, height, 2 * width, generator=generator, dtype=torch.float64)
    if layout == "cropped":
        return x[:2, :, :, :width]
    if layout == "one of two halves":
        return x[::2, :, :, ::2]
    x = x[:2, :, :, :width].contiguous()
    return x.contiguous(memory_format=torch.channels_last) if "last" in layout else x


@pytest.mark.parametrize("size", SIZES)
def test_both_evaluations_agree_in_double_precision(
    pair: Pair, size: tuple[int, int]
) -> None:
    assert pair.error(feature_map(*size)) < 1e-10


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_evaluations_agree_where_each_image_is_a_piece(
    pair: Pair, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = feature_map(5, 7, layout)
    y = pair.fast(x).detach()
    monkeypatch.setattr(passes, "CACHE", 1)
    assert pair.error(x) < 1e-10
    with torch.no_grad():
        torch.testing.assert_close(pair.fast(x), y)
        assert pair.fast(x).stride() == y.stride()


@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_both_evaluations_agree_in_any_memory_layout(pair: Pair, layout: str) -> None:
    assert pair.error(feature_map(5, 7, layout)) < 1e-10


@pytest.mark.parametrize("size", [(5, 7), (8, 16)])  # the latter has groups of positions
def test_both_evaluations_agree_where_maxima_are_tied(
    pair: Pair, size: tuple[int, int]
) -> None:
    assert pair.error(feature_map(*size).clamp(min=1)) < 1e-10


def test_both_evaluations_agree_in_single_precision(pair: Pair) -> None:
    x = feature_map(5, 7)
    exact = pair.gradients(pair.direct, x)
    direct = pair.gradients(pair.direct.float(), x.float())
    fast = pair.gradients(pair.fast.float(), x.float())
    for name, value in exact.items():  # some blocks themselves lose more than 1e-5
        bound = max(1e-5, 4 * relative_error(direct[name], value))
        assert relative_error(fast[name], value) < bound, name


def test_fast_is_as_exact_as_direct_under_bfloat16_autocast(pair: Pair) -> None:
    x = feature_map(5, 7).bfloat16().float()
    exact = pair.direct(x.double()).detach()

    def error(module: nn.Module, dtype: torch.dtype) -> float:
        with torch.autocast("cpu", torch.bfloat16):
            y = module.float()(x.to(dtype))
        return relative_error(y.double().detach(), exact)

    for dtype in (torch.float32, torch.bfloat16):
        assert error(pair.fast, dtype) < 2 * error(pair.direct, dtype) + 2**-8


def test_both_evaluations_agree_where_one_module_is_used_twice(pair: Pair) -> None:
    class Twice(nn.Module):
        def __init__(self, block: nn.Module) -> None:
            super().__init__()
            self.block = block

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.block(x + self.block(x).tanh()) + self.block(x)
            return y

    pair.direct, pair.fast = Twice(pair.direct), Twice(pair.fast)
    assert pair.error(feature_map(5, 7)) < 1e-10


@pytest.mark.parametrize("name", BLOCKS)
def test_derivatives_are_those_of_finite_differences(name: str) -> None:
    block = Pair(name, channels=16).fast
    x = feature_map(3, 5)[:, :16].requires_grad_()
    inputs = (x, *block.parameters())
    assert torch.autograd.gradcheck(lambda *_: block(x), inputs, fast_mode=True)


@pytest.mark.parametrize("name", BLOCKS)
def test_evaluation_can_be_switched_after_loading(name: str) -> None:
    pair, x = Pair(name), feature_map(5, 7)
    loaded = create_attention(name, C, "direct").double().eval()
    loaded.load_state_dict(pair.fast.state_dict())
    assert torch.equal(loaded(x), pair.direct(x))
    assert torch.equal(set_evaluation(loaded, "fast")(x), pair.fast(x))


@pytest.mark.parametrize("name", LINEAR_MEMORY)
def test_training_keeps_next_to_nothing_beyond_the_input(name: str) -> None:
    x = torch.randn(2, 256, 128, 128, requires_grad=True)
    fast = bytes_for_backward(create_attention(name, 256, "fast"), x)
    assert fast < 0.05 * x.nbytes
    if name.startswith("psa"):
        assert bytes_for_backward(create_attention(name, 256, "direct"), x) > 0.4 * x.nbytes


@pytest.mark.parametrize("name", ["ea", "ea(heads=8)"])
def test_training_ea_keeps_less_than_direct_does(name: str) -> None:
    x = torch.randn(2, 64, 32, 32, requires_grad=True)
    fast, direct = (create_attention(name, 64, e) for e in ("fast", "direct"))
    assert bytes_for_backward(fast, x) < 0.6 * bytes_for_backward(direct, x)
    steps = [lambda b=b: b(x).sum().backward() for b in (fast, direct)]
    assert peak_memory(steps[0], x.device) < peak_memory(steps[1], x.device)


@pytest.mark.parametrize("name", ["non_local", "da"])
def test_no_map_of_positions_by_positions_is_held(name: str) -> None:
    x = torch.randn(1, 16, 56, 56, requires_grad=True)
    block = create_attention(name, 16, "fast")
    size_of_map = (56 * 56) ** 2 * x.itemsize
    assert bytes_for_backward(block, x) < 0.1 * size_of_map
    step = lambda: block(x).sum().backward()  # noqa: E731
    assert peak_memory(step, x.device) < 0.5 * size_of_map
    set_evaluation(block, "direct")
    assert peak_memory(step, x.device) > size_of_map


@pytest.mark.parametrize("name", ["psa_parallel", "cbam", "gc", "ea", "note_channel"])
def test_a_second_derivative_is_an_error_and_not_a_wrong_number(name: str) -> None:
    block = Pair(name).fast.float()
    x = torch.randn(1, C, 7, 7, requires_grad=True)
    (first,) = torch.autograd.grad(block(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.backward(first.sum())
