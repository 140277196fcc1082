"""Counts at any resolution are exact, without the time or memory of a run there."""

from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn

from ablations import memory
from ablations.attention import BLOCKS
from ablations.attention.base import Evaluation
from ablations.bare_models import BareModel, create_bare
from ablations.blocks import create_attention
from ablations.complexity import measure
from ablations.complexity.any_resolution import bare_polynomials, cost_at, second_count
from ablations.complexity.growth import bare_growth, growth_in_model, growth_of_blocks
from ablations.complexity.polynomial import Polynomial, fit
from ablations.complexity.subjects import ModelCounts, Setting
from ablations.contract import SMALL, LoneBlock
from ablations.errors import InputError
from ablations.models import create_model
from reports.growth_tables import crossovers, growth_table

SETTING = Setting(BareModel("fpn", "resnet18", 16), "stages", (64, 96))


def test_three_counts_give_the_polynomial() -> None:
    expected = Polynomial(Fraction(7), Fraction(3, 4), Fraction(1, 2))
    polynomial = fit({n: int(expected.value(n)) for n in (4, 8, 12)})
    assert polynomial == expected
    assert polynomial.at(20) == 7 + 15 + 200
    with pytest.raises(ValueError, match="not a whole number"):
        polynomial.at(3)


def test_a_polynomial_can_be_told_in_pixels() -> None:
    assert (
        Polynomial(Fraction(5), Fraction(2), Fraction(1)).per_pixel(Fraction(1, 16)).at(32)
        == 5 + 2 * 2 + 2**2
    )


def test_a_polynomial_changes_its_sign_at_its_positive_roots() -> None:
    assert Polynomial(Fraction(-6), Fraction(1), Fraction(1)).sign_changes() == [2.0]
    assert Polynomial(Fraction(6), Fraction(-5), Fraction(1)).sign_changes() == [2.0, 3.0]
    assert Polynomial(Fraction(1), Fraction(0), Fraction(1)).sign_changes() == []


@pytest.mark.parametrize("evaluation", ["direct", "fast"])
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_costs_what_a_run_at_that_size_counts(
    block: str, evaluation: Evaluation
) -> None:
    run = measure(create_attention(block, 32, evaluation), (1, 32, 9, 11))
    lone = LoneBlock(block, 32, evaluation)
    assert cost_at(lone, (9, 11)) == run  # more positions than channels
    few = measure(create_attention(block, 32, evaluation), (1, 32, 3, 4))
    assert cost_at(lone, (3, 4)) == few


class Strips(nn.Module):
    """A user's block whose cost is not a polynomial in the positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.mix(x.mean(dim=3, keepdim=True)).sigmoid()  # (B, C, H, 1)
        return x * weights


def test_a_block_without_a_polynomial_is_run_at_the_size() -> None:
    name = f"{__name__}:Strips"
    assert cost_at(LoneBlock(name, 16, "direct"), (5, 70)).macs == 16 * 16 * 5
    assert growth_of_blocks([name, "gc"], 16, "direct", (5, 70)).keys() == {"gc"}


@pytest.mark.parametrize(
    "block", ["criss_cross", "coordinate", "triplet", "timm:coord", "non_local_code"]
)
def test_a_cost_that_depends_on_both_sides_is_that_of_a_run(block: str) -> None:
    run = measure(create_attention(block, 8, "direct"), (1, 8, 43, 97))
    assert cost_at(LoneBlock(block, 8, "direct"), (43, 97)) == run
    assert SMALL < 43 * 97  # a smaller input is run


@pytest.mark.parametrize("size", [(8192, 5000), (8191, 5001), (8190, 4999), (8189, 4998)])
@pytest.mark.parametrize("block", ["criss_cross", "non_local_code"])
def test_such_a_cost_needs_no_run_at_any_resolution(
    block: str, size: tuple[int, int]
) -> None:
    """A run would need terabytes. NL of the code pools windows: odd sides lose a row."""
    cost = cost_at(LoneBlock(block, 16, "direct"), size)
    closed_form = create_attention(block, 16, "direct").closed_form
    assert (cost.params, cost.macs) == closed_form(*size)  # type: ignore[operator]


class Windows(nn.Module):
    """A user's block of all pairs of positions and windows of seven, so without formula."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        windows = nn.functional.max_pool2d(x, 7).flatten(2)  # (B, C, M)
        scores = x.flatten(2).transpose(1, 2) @ windows  # (B, N, M)
        return x + (scores @ windows.transpose(1, 2)).transpose(1, 2).reshape(x.shape)


def test_a_run_that_needs_more_memory_than_is_free_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lone, size = LoneBlock(f"{__name__}:Windows", 2, "direct"), (74, 81)
    pairs = (74 * 81) * (10 * 11)
    assert cost_at(lone, size).macs == 2 * 2 * pairs
    cost_at.cache_clear()
    monkeypatch.setattr(memory, "free_memory", lambda device: 4 * pairs)
    with pytest.raises(
        InputError, match=r"at 74x81: a run to count it needs about 0\.0 GB"
    ):
        cost_at(lone, size)


class Gather(nn.Module):
    """A user's block that treats large inputs differently from small ones."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.mean(dim=3, keepdim=True)  # (B, C, H, 1)
        weights: Tensor = self.mix(rows if x.shape[3] < 50 else self.mix(rows))
        return x * weights


def test_what_changes_with_the_size_is_run_there() -> None:
    lone = LoneBlock(f"{__name__}:Gather", 16, "direct")
    assert cost_at(lone, (130, 49)).macs == 16 * 16 * 130
    assert cost_at(lone, (130, 51)).macs == 2 * 16 * 16 * 130


@pytest.mark.parametrize(
    ("model", "size"),
    [("unet", (96, 160)), ("manet", (96, 64)), ("pspnet", (40, 56)), ("pan", (128, 256))],
)
def test_a_bare_model_costs_what_a_run_at_that_size_counts(
    model: str, size: tuple[int, int]
) -> None:
    assert bare_polynomials(BareModel(model, "resnet18", 21)) is not None
    assert cost_at(BareModel(model, "resnet18", 21), size) == measure(
        create_bare(model, "resnet18", 21), (1, 3, *size)
    )


def test_a_size_between_multiples_is_run() -> None:
    size = (65, 49)
    bare = create_bare("paper_deeplabv3plus", "resnet18", 21)
    cost = cost_at(BareModel("paper_deeplabv3plus", "resnet18", 21), size)
    assert cost == measure(bare, (1, 3, *size))
    with pytest.raises(InputError, match="multiples of 16, or at up to"):
        cost_at(BareModel("paper_deeplabv3plus", "resnet18", 21), (8193, 8193))


def test_no_resolution_is_too_large() -> None:
    count = cost_at(BareModel("unet", "resnet18", 2), (8192, 8192)).macs
    assert count is not None
    assert count > 10**12
    assert count == second_count(BareModel("unet", "resnet18", 2), (8192, 8192))


@pytest.mark.parametrize("model", ["deeplabv3plus", "pspnet"])
@pytest.mark.parametrize("placement", ["residual", "stages"])
def test_a_model_with_blocks_costs_the_sum_of_its_parts(model: str, placement: str) -> None:
    setting = Setting(BareModel(model, "resnet18", 16), placement, (64, 96))
    whole = measure(create_model(model, "resnet18", 16, "gc", placement), (1, 3, 64, 96))
    assert ModelCounts("gc", "direct", setting).cost[:3] == whole[:3]


def test_a_crossover_is_where_two_blocks_cost_the_same() -> None:
    names = ["gc", "gc(ratio=16)", "cbam", "non_local", "psa_parallel"]
    added = growth_in_model(names, SETTING, "direct")
    table = crossovers({"direct": added})
    assert len(table) > 2
    for _, dearer, cheaper, side in table.to_numpy().tolist():
        difference = added[dearer] - added[cheaper]
        below, above = int((0.95 * side) ** 2), int((1.05 * side) ** 2) + 1
        assert difference.value(below) < 0 < difference.value(above)


@pytest.mark.parametrize("evaluation", ["direct", "fast"])
def test_growth_is_the_cost_at_any_size(evaluation: Evaluation) -> None:
    added = growth_in_model(["none", "da"], SETTING, evaluation)
    assert added.keys() == {"da"}
    bare = bare_growth(SETTING.bare)
    assert bare is not None
    step, macs = bare
    height, width = 4 * step, 5 * step
    whole = ModelCounts("da", evaluation, SETTING._replace(size=(height, width))).macs
    assert (macs + added["da"]).at(height * width) == whole


def test_a_table_of_growth_holds_the_polynomial() -> None:
    growth = growth_of_blocks(["psa_parallel_code"], 32, "direct", (9, 9))
    [row] = growth_table({"direct": growth}).to_dict("records")
    # three 1x1 convolutions to C / 2, one to 1, and two products with C / 2 rows
    assert row["linear"] == 3 * 32 * 16 + 32 + 2 * 16
    assert (row["constant"], row["quadratic"]) == (16 * 32, 0)


def test_counting_leaves_no_values_behind() -> None:
    """Anything cached between counts is on the meta device, whatever the size."""
    cost_at(BareModel("unet", "resnet18", 2), (1024, 1024))
    tensors = BareModel("unet", "resnet18", 2).meta().parameters()
    assert all(tensor.device == torch.device("meta") for tensor in tensors)
