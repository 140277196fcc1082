"""Counts are exact, agree with each other, and are never silently zero."""

import pytest
import torch
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.attention.base import Evaluation
from ablations.benchmark.bench import bench_case
from ablations.benchmark.candidates import Effort
from ablations.benchmark.cases import Case
from ablations.benchmark.memory import bytes_for_backward, peak_memory
from ablations.benchmark.timing import interleaved
from ablations.blocks import create_attention
from ablations.complexity import measure, meta_macs
from ablations.complexity.conventions import CONVENTIONS
from ablations.complexity.subjects import counts_of_blocks
from reports.bench_tables import bench_table
from reports.cost_tables import cost_table

C, H, W = 32, 5, 7
N = H * W


class Products(nn.Module):
    """One matrix product of each kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(2)  # (B, C, N)
        if self.kind == "broadcast":
            return torch.ones(1, C) @ rows
        if self.kind == "sdpa":
            return nn.functional.scaled_dot_product_attention(rows, rows, rows)
        return rows[0] @ rows[0].T


@pytest.mark.parametrize(
    ("kind", "macs"),
    [("broadcast", 3 * C * N), ("sdpa", 3 * 2 * C * C * N), ("plain", C * C * N)],
)
def test_matrix_products_are_counted_with_their_batch(kind: str, macs: int) -> None:
    assert measure(Products(kind), (3, C, H, W)).macs == macs
    assert meta_macs(Products(kind), (3, C, H, W)) == macs


def test_a_count_with_an_unknown_operator_is_missing_and_names_it() -> None:
    class Hidden(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cdist(x, x)

    cost = measure(Hidden(), (1, 1, N, C))
    assert (cost.macs, cost.not_counted) == (None, "aten::cdist")


def test_operators_without_count_are_listed() -> None:
    cost = measure(create_attention("se", C, "direct"), (1, C, H, W))
    assert {"aten::mean", "aten::sigmoid", "aten::mul"} <= set(cost.uncounted)


@pytest.mark.parametrize("evaluation", ["direct", "fast"])
@pytest.mark.parametrize("block", BLOCKS)
def test_three_counters_agree_on_a_block(block: str, evaluation: Evaluation) -> None:
    module = create_attention(block, C, evaluation)
    cost = measure(module, (1, C, H, W))
    assert cost.macs == meta_macs(module, (1, C, H, W))
    if block != "none":
        assert module.closed_form(H, W) == (cost.params, cost.macs)  # type: ignore[operator]


def test_measuring_leaves_the_mode_as_it_was() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).train()
    module[1].eval()
    measure(module, (1, 3, 5, 5))
    meta_macs(module, (1, 3, 5, 5))
    assert (module.training, module[0].training, module[1].training) == (True, True, False)
    assert module[1].num_batches_tracked == 0


def test_a_table_of_blocks_is_in_the_given_order() -> None:
    counts = counts_of_blocks(["cbam", "none"], C, (H, W))
    table = cost_table(counts, CONVENTIONS["macs"])
    assert table["block"].tolist() == ["cbam", "none"]
    assert table["direct"].tolist()[1] == 0


def test_latencies_are_quartiles_of_the_same_clock() -> None:
    x = torch.randn(64, 64)
    times = interleaved(
        {"once": lambda: x @ x, "ten": lambda: [x @ x for _ in range(10)]}, rounds=3
    )
    assert times["once"].lower <= times["once"].median <= times["once"].upper
    assert times["ten"].median > times["once"].median


def test_memory_for_backward_counts_what_the_graph_keeps() -> None:
    x = torch.randn(1, 2, 10, 10, requires_grad=True)
    assert bytes_for_backward(nn.ReLU(), x) == x.nbytes  # its output
    assert bytes_for_backward(nn.Conv2d(2, 2, 1), x) == 0  # its input and weight are known


def test_peak_memory_is_what_is_alive_at_once() -> None:
    size = 4 * 1000 * 1000

    def one_after_the_other() -> None:
        for _ in range(3):
            torch.zeros(1000, 1000)

    def together() -> None:
        [torch.zeros(1000, 1000) for _ in range(3)]

    cpu = torch.device("cpu")
    assert peak_memory(one_after_the_other, cpu) == pytest.approx(size, rel=0.01)
    assert peak_memory(together, cpu) == pytest.approx(3 * size, rel=0.01)


def test_a_bench_compares_the_two_evaluations_of_one_block() -> None:
    case = Case("psa_parallel", (1, 16, 12, 10), "float32")
    effort = Effort(torch.device("cpu"), threads=1, rounds=2, seconds=60)
    [row] = bench_table([bench_case(case, effort)]).to_dict("records")
    assert row["bytes"] == 3 * 4 * 16 * 12 * 10
    assert row["fast_macs"] < row["direct_macs"]
    assert row["fast_kept"] < row["direct_kept"]
    assert row["forward_ratio"] == row["direct_forward"] / row["fast_forward"]
    assert all(
        row[f"{name}_{what}"] > 0
        for name in ("direct", "fast")
        for what in ("step", "peak")
    )


@pytest.mark.slow  # the compiler takes seconds
def test_a_bench_times_what_a_compiler_makes_of_the_published_form() -> None:
    case = Case("gc", (1, 16, 12, 10), "float32")
    effort = Effort(torch.device("cpu"), threads=1, rounds=2, seconds=60)
    rows = [bench_case(case, effort, compiled=True)]
    [row] = bench_table(rows).to_dict("records")
    for what in ("forward", "step"):
        seconds = row[f"compiled_{what}"]
        assert seconds > 0
        assert row[f"compiled_{what}_ratio"] == seconds / row[f"fast_{what}"]
