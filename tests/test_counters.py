"""Every product is counted, or the figure is missing and says why."""

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from ablations.benchmark.bench import bench_case
from ablations.benchmark.candidates import Effort
from ablations.benchmark.cases import Case
from ablations.complexity import Cost, measure, meta_macs
from ablations.complexity.any_resolution import cost_at
from ablations.complexity.audit import audit
from ablations.complexity.conventions import CONVENTIONS
from ablations.complexity.harmless import HARMLESS
from ablations.complexity.subjects import BlockCounts
from ablations.contract import LoneBlock
from reports.cost_notes import agreement
from reports.cost_tables import cost_table, with_added

C, H, W = 12, 4, 6
N = H * W


class Computes(nn.Module):
    """A module that computes one function of its input and its parts."""

    def __init__(self, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.parts)


def cost_of(function: Callable[..., Tensor], *parts: nn.Module) -> Cost:
    return measure(Computes(function, *parts), (1, C, H, W))


def tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)  # (B, N, C)


@pytest.mark.parametrize("padding", ["same", 1])
@pytest.mark.parametrize("groups", [1, C])
def test_string_padding_changes_no_count(padding: str | int, groups: int) -> None:
    layer = nn.Conv2d(C, C, 3, padding=padding, groups=groups)
    assert cost_of(lambda x, layer: layer(x), layer).macs == 9 * C * C // groups * N


def test_a_deformable_convolution_counts_its_offsets_and_itself() -> None:
    offsets = nn.Conv2d(C, 18, 3, padding=1)
    deformed = torchvision.ops.DeformConv2d(C, C, 3, padding=1)
    module = Computes(lambda x, o, d: d(x, o(x)), offsets, deformed)
    assert measure(module, (1, C, H, W)).macs == 9 * C * 18 * N + 9 * C * C * N
    assert meta_macs(module, (1, C, H, W)) == 9 * C * 18 * N + 9 * C * C * N


@pytest.mark.parametrize("frozen", [True, False])
def test_attention_counts_the_same_frozen_or_not(frozen: bool) -> None:
    layer = nn.MultiheadAttention(C, 3, batch_first=True).requires_grad_(not frozen)
    cost = cost_of(lambda x, layer: layer(*[tokens(x)] * 3)[0], layer)
    assert cost.macs == 4 * C * C * N + 2 * C * N * N


@pytest.mark.parametrize("layers", [1, 2])
def test_a_transformer_without_gradients_counts_all_its_products(layers: int) -> None:
    layer = nn.TransformerEncoderLayer(C, 3, 5, batch_first=True)
    stack = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def run(x: Tensor, stack: nn.Module) -> Tensor:
        with torch.no_grad():
            encoded: Tensor = stack(tokens(x))
            return encoded

    once = 4 * C * C * N + 2 * C * N * N + 2 * 5 * C * N
    assert cost_of(run, stack).macs == layers * once


@pytest.mark.parametrize(
    ("layer", "gates", "width"),
    [
        (nn.RNN(C, 5, batch_first=True), 1, C + 5),
        (nn.RNN(C, 5, nonlinearity="relu", batch_first=True), 1, C + 5),
        (nn.GRU(C, 5, batch_first=True), 3, C + 5),
        (nn.LSTM(C, 5, batch_first=True), 4, C + 5),
        (nn.GRU(C, 5, num_layers=2, batch_first=True), 3, C + 5 + 5 + 5),
        (nn.LSTM(C, 5, bidirectional=True, batch_first=True), 4, 2 * (C + 5)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_a_recurrent_layer_counts_every_matrix_at_every_step(
    layer: nn.Module, gates: int, width: int
) -> None:
    assert (
        cost_of(lambda x, layer: layer(tokens(x))[0], layer).macs == N * gates * 5 * width
    )


def test_a_projected_lstm_counts_its_projection() -> None:
    layer = nn.LSTM(C, 7, proj_size=3, batch_first=True)
    macs = N * (4 * 7 * (C + 3) + 3 * 7)
    assert cost_of(lambda x, layer: layer(tokens(x))[0], layer).macs == macs


@pytest.mark.parametrize(("cell", "gates"), [(nn.RNNCell, 1), (nn.GRUCell, 3)])
def test_a_recurrent_cell_counts_both_its_matrices(cell: type, gates: int) -> None:
    cost = cost_of(lambda x, layer: layer(x.mean((2, 3))), cell(C, 5))
    assert cost.macs == gates * 5 * (C + 5)


@pytest.mark.parametrize(
    ("function", "macs"),
    [
        (lambda r: torch.mm(r[0], r[0].T), C * C * N),
        (lambda r: torch.addmm(r[0, :, :C], r[0], r[0].T), C * C * N),
        (lambda r: torch.baddbmm(r[:, :, :C], r, r.mT), C * C * N),
        (lambda r: torch.addbmm(r[0, :, :C], r, r.mT), C * C * N),
        (lambda r: r[0] @ r[0, 0], C * N),
        (lambda r: torch.einsum("bcn,bdn->bcd", r, r), C * C * N),
        (lambda r: torch.einsum("...cn,...dn->...cd", r, r), C * C * N),
        (lambda r: torch.einsum("b c n, b c -> b n", r, r[..., 0]), C * N),
        (lambda r: torch.einsum("bcn,bc->bcn", r, r[..., 0]), 0),  # not a sum of products
        (lambda r: torch.einsum("bcn,bcm->bcnm", r, r[..., :3]), 0),
        (lambda r: torch.einsum("bcn,bdn,bdm->bcm", r, r, r), 2 * C * C * N),
        (lambda r: torch.einsum("cn,dn", r[0], r[0]), C * C * N),
    ],
)
def test_products_are_counted_whatever_their_spelling(
    function: Callable[[Tensor], Tensor], macs: int
) -> None:
    module = Computes(lambda x: function(x.flatten(2)))
    assert measure(module, (1, C, H, W)).macs == macs
    assert meta_macs(module, (1, C, H, W)) == macs


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x @ x.mT


@torch.jit.script
def branching(x: Tensor, squares: bool) -> Tensor:
    if squares:
        return torch.matmul(x, x.transpose(-1, -2))
    return x


def through_numpy(x: Tensor) -> Tensor:
    values = x.numpy()
    return torch.from_numpy(values @ values.swapaxes(-1, -2))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: torch.cdist(x, x), "aten::cdist"),
        (lambda x: torch.fft.fft2(x).real, "aten::fft_fft2"),
        (lambda x: (torch.complex(x, x) @ torch.complex(x, x).mT).real, "complex numbers"),
        (lambda x: torch.nn.functional.affine_grid(x[:, :2, :2, :3], [1, 1, 2, 2]), "grid"),
        (lambda x: torch.sparse.mm(x[0, 0].to_sparse(), x[0, 0].T), "sparse"),
        (lambda x: torch.linalg.matrix_exp(x @ x.mT), "matrix_exp"),
        (Product.apply, "prim::PythonOp.Product"),
        (lambda x: branching(x, True), "prim::"),
        (through_numpy, "NumPy"),
        (lambda x: x + 0 * len(x.flatten(2) @ x.flatten(2).mT), "fvcore does not see"),
    ],
)
def test_what_may_hide_a_product_has_no_figure_and_a_name(
    function: Callable[[Tensor], Tensor], reason: str
) -> None:
    cost = cost_of(function)
    assert cost.macs is None
    assert reason in cost.not_counted


def test_a_module_that_cannot_be_traced_or_run_has_no_figure_and_a_reason() -> None:
    def own(x: Tensor) -> Tensor:
        raise OSError("the disk is gone")

    assert cost_of(own).not_counted == "it does not run (OSError: the disk is gone)"
    compiled = torch.jit.script(nn.Conv2d(C, C, 1))
    cost = cost_of(lambda x, layer: layer(x), compiled)
    assert (cost.macs, cost.params) == (None, C * C + C)
    assert "cannot be traced" in cost.not_counted


def test_a_failed_count_leaves_no_hooks_behind() -> None:
    module = Computes(lambda x, layer: torch.jit.script(layer)(x), nn.Conv2d(C, C, 1))
    measure(module, (1, C, H, W))
    assert not any(
        part._forward_hooks or part._forward_pre_hooks for part in module.modules()
    )


def test_every_harmless_operator_exists() -> None:
    schemas = {schema.name for schema in torch._C._jit_get_all_schemas()}
    ours = {name for name in HARMLESS if name.startswith("aten::")}
    assert {name for name in ours if not {name, name + "_"} & schemas} == set()


# Users' own blocks.


class Spectral(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        layer = nn.Conv2d(channels, channels, 1)
        self.mix = nn.utils.parametrizations.spectral_norm(layer)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.mix(x).sigmoid()
        return x * gate


class Attends(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(channels, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.attend(*[tokens(x)] * 3)[0]  # (B, N, C)
        return output.transpose(1, 2).reshape(x.shape)


SPECTRAL = "not counted: aten::mv, aten::vdot"


def test_a_block_of_ones_own_has_no_closed_form_to_disagree_with() -> None:
    sentence = agreement(audit([BlockCounts(f"{__name__}:Attends", "direct", C, (H, W))]))
    assert (
        sentence == "Counters: fvcore and torch.utils.flop_counter agree on 1 of 1 counts."
    )


def test_no_convention_gives_a_figure_for_what_is_not_counted() -> None:
    counts = BlockCounts(f"{__name__}:Spectral", "direct", C, (H, W))
    totals = {convention.total(counts) for convention in CONVENTIONS.values()}
    assert totals == {SPECTRAL}
    assert "1 are not counted" in agreement(audit([counts]))


def test_what_is_not_counted_adds_no_number_either() -> None:
    names = ["none", f"{__name__}:Spectral"]
    counts = [
        BlockCounts(name, evaluation, C, (H, W))
        for name in names
        for evaluation in ("direct", "fast")
    ]
    table = with_added(cost_table(counts, CONVENTIONS["macs"]))
    row = table.to_dict("records")[1]
    assert row["direct"] == row["added_fast"] == SPECTRAL
    assert row["added_direct_share"] != row["added_direct_share"]  # NaN
    assert row["added_params"] == C * C + C


def test_a_bench_counts_a_block_of_ones_own() -> None:
    cases = [
        Case(f"{__name__}:{name}", (1, C, H, W), "float32")
        for name in ("Attends", "Spectral")
    ]
    effort = Effort(torch.device("cpu"), threads=1, rounds=1, seconds=60)
    attends, spectral = (bench_case(case, effort) for case in cases)
    assert attends["fast_macs"] == 4 * C * C * N + 2 * C * N * N
    assert spectral["direct_macs"] == SPECTRAL


def test_a_size_beyond_all_runs_keeps_the_reason() -> None:
    cost = cost_at(LoneBlock(f"{__name__}:Spectral", C, "direct"), (4096, 4096))
    assert (cost.macs, cost.not_counted) == (None, "aten::mv, aten::vdot")
