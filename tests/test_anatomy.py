"""The anatomy of blocks whose properties are known in closed form."""

import csv
import math
from itertools import chain
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ablations.anatomy import CHANNELS, COST_CHANNELS, COST_SIZE, Anatomy, anatomy_of
from ablations.anatomy import SIZE as SIZE_OF_PAGE
from ablations.anatomy.contexts import contexts_of, effective_rank
from ablations.anatomy.form import Form, form_of
from ablations.anatomy.reach import reach_of
from ablations.anatomy.specimen import Specimen
from ablations.anatomy.start import start_of
from ablations.anatomy.symmetry import Symmetry, symmetry_of
from ablations.attention import BLOCKS
from ablations.cli import create_parser, main
from ablations.errors import InputError
from ablations.passes import default_dtype
from reports.anatomy import anatomies, anatomy_page, anatomy_row
from reports.page import headers
from reports.write.pages import write_page

GENERATED = Path(__file__).parents[1] / "reports" / "generated"
C, SIZE = 6, (10, 13)
N = SIZE[0] * SIZE[1]
LEFT = SIZE[0] * 4  # positions on each side of the gap


class Convolves(nn.Module):
    def __init__(self, channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding="same", bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)  # type: ignore[no-any-return]


class Masks(nn.Module):
    """Fixed weights on positions, whatever the input is."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        return x * (1 + torch.arange(height * width).reshape(height, width) % 7)


class Scales(nn.Module):
    """Channel number k is multiplied by factor + spread * k."""

    def __init__(self, channels: int, factor: float = 3.0, spread: float = 0.0) -> None:
        super().__init__()
        self.factors = factor + spread * torch.arange(channels)[:, None, None]

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = x * self.factors
        return scaled


class AddsMean(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x + x.mean(dim=(2, 3), keepdim=True)


class AddsPatterns(nn.Module):
    """Three numbers are taken from the input and painted with a pattern each."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(8)
        self.patterns = torch.randn(2, 3, N, generator=generator).double()

    def forward(self, x: Tensor) -> Tensor:
        read, painted = self.patterns.to(x.dtype)
        numbers = x.mean(dim=1).flatten(1) @ read.t()  # (B, 3)
        picture: Tensor = (numbers @ painted).reshape(-1, 1, *x.shape[2:]) / N
        return x + picture


class Saturates(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x * (1000 * x).sigmoid()


class MixesImages(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=0, keepdim=True) / 2


class Divides(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x / 0


class HoldsFloat32(nn.Module):
    """Neither a parameter nor a buffer, so it does not follow the block to float64."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.matrix = torch.eye(channels, dtype=torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        return (self.matrix @ x.flatten(2)).reshape(x.shape)


class NeverEnds(nn.Module):
    """In batches; alone it passes the check of the contract."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        while len(x) > 1:
            pass
        return x * 2


def own(name: str) -> Specimen:
    return Specimen(f"{__name__}:{name}", C, SIZE)


def ours(block: str, channels: int = 32) -> Specimen:
    return Specimen(block, channels, SIZE)


def symmetry(specimen: Specimen) -> Symmetry:
    with default_dtype(torch.float64):
        return symmetry_of(specimen, form_of(specimen))


def form(specimen: Specimen) -> Form:
    with default_dtype(torch.float64):
        return form_of(specimen)


@pytest.mark.parametrize(
    ("specimen", "kind"),
    [
        (ours("none"), "nothing"),
        (own("Scales"), "one factor"),
        (own("Scales(spread=0.5)"), "weights on channels"),
        (ours("se"), "weights on channels"),
        (ours("psa_channel"), "weights on channels"),
        (own("Masks"), "weights on positions"),
        (ours("psa_spatial"), "weights on positions"),
        (ours("psa_parallel"), "channel + position weights"),
        (ours("psa_sequential"), "channel x position weights"),
        (ours("cbam"), "channel x position weights"),
        (own("Saturates"), "weights on every entry"),
        (ours("simam"), "weights on every entry"),
        (ours("gc(ratio=32)"), "adds a constant"),  # the norm of one number is zero
        (ours("gc"), "adds one context"),
        (own("AddsMean"), "adds one context"),
        (ours("non_local"), "adds to each position"),
        (ours("non_local_code"), "adds to each position"),
        (ours("bottleneck(width=8)"), "adds to each position"),
        (ours("identity(gc)"), "adds one context"),
        (own("Convolves"), "replaces"),
        (own("Convolves(kernel_size=1)"), "replaces"),
    ],
)
def test_the_form_is_found_from_the_response(specimen: Specimen, kind: str) -> None:
    assert form(specimen).kind == kind


def test_identity_is_nothing_in_every_respect() -> None:
    parts = anatomy_of("none", C, SIZE)
    assert parts.form == ("nothing", True, 1.0)
    assert parts.reach.share == 0
    assert math.isnan(parts.reach.far_over_near)
    assert parts.contexts == (0, 0.0, 0)
    assert parts.symmetry == (0, 0, 0, 0)
    assert parts.start == pytest.approx((1, 1, 1, 1, 1, 1, None, None, None))
    assert parts.intensity.macs_direct == 0


def test_a_convolution_reaches_its_window() -> None:
    height, width = SIZE
    for radius in (0, 1, 2):
        block = own(f"Convolves(kernel_size={2 * radius + 1})")
        lines = [
            sum(min(side, at + radius + 1) - max(0, at - radius) for at in range(side))
            for side in (height, width)
        ]
        others = math.prod(lines) - N  # pairs of output and input that share a window
        reach = reach_of(block)
        assert reach.share == pytest.approx(others / (N * (N - 1)))
        assert contexts_of(block, form(block)) == (0, 0.0, 0)
        if radius:
            assert reach.far_over_near == 0


def test_a_convolution_treats_places_alike_only_under_a_shift_away_from_borders() -> None:
    errors = symmetry(own("Convolves"))
    assert errors.translation == 0
    assert errors.curvature == 0
    assert min(errors.permutation, errors.flip) > 0.5
    assert symmetry(own("Convolves(kernel_size=1)")) == (0, 0, 0, 0)


def test_a_fixed_mask_depends_on_place_and_not_on_content() -> None:
    errors = symmetry(own("Masks"))
    assert min(errors.permutation, errors.translation, errors.flip) > 0.5
    assert errors.curvature == 0
    assert reach_of(own("Masks")).share == 0


@pytest.mark.parametrize("block", ["se", "gc", "non_local", "da", "ea", "psa_parallel"])
def test_attention_over_all_positions_depends_on_content_and_not_on_place(
    block: str,
) -> None:
    errors = symmetry(ours(block))
    assert errors[:3] == (0, 0, 0)
    assert errors.curvature > 0.01
    assert reach_of(ours(block)).share == 1


def test_the_kernel_of_cbam_treats_shifts_alike_but_not_permutations_and_flips() -> None:
    errors = symmetry(ours("cbam"))
    assert errors.translation == 0
    assert min(errors.permutation, errors.flip) > 0.01


def test_strips_reach_their_row_and_column() -> None:
    height, width = SIZE
    share = (height + width - 2) / (N - 1)
    assert reach_of(ours("coordinate")).share == pytest.approx(share)
    assert reach_of(ours("criss_cross(recurrence=1)")).share == pytest.approx(share)
    assert reach_of(ours("criss_cross")).share == 1


def test_the_influence_of_a_mean_does_not_fall_with_distance() -> None:
    reach = reach_of(own("AddsMean"))
    assert reach.share == 1
    assert reach.far_over_near == pytest.approx(1)


@pytest.mark.parametrize(
    ("specimen", "distinct", "channels"),
    [
        (ours("se"), 1, 2),  # 32 / 16 hidden channels
        (ours("se(ratio=4)"), 1, 8),
        (ours("gc(ratio=8)"), 1, 4),  # at most, one ReLU may be closed
        (ours("psa_channel"), 1, 16),
        (ours("non_local"), LEFT, 16),
        (ours("ea"), 16, 16),  # a query has 16 channels
        (own("AddsPatterns"), 3, 1),
    ],
)
def test_contexts_are_as_many_and_as_rich_as_the_block_can_make(
    specimen: Specimen, distinct: int, channels: int
) -> None:
    contexts = contexts_of(specimen, form(specimen))
    assert contexts.distinct == distinct
    assert 1 <= contexts.effective <= distinct + 1e-9
    assert channels / 2 <= contexts.channels <= channels


def test_the_effective_rank_counts_equal_values_and_weighs_others() -> None:
    assert effective_rank(torch.full((5,), 0.3)) == pytest.approx(5)
    assert effective_rank(torch.tensor([])) == 0
    shares = (0.8, 0.2)  # of values 4 and 1
    entropy = -sum(share * math.log(share) for share in shares)
    assert effective_rank(torch.tensor([4.0, 1.0])) == pytest.approx(math.exp(entropy))


def test_singular_values_are_those_of_the_matrix_of_a_linear_block() -> None:
    block = own("Convolves(kernel_size=1)")
    [matrix] = block.as_built().parameters()
    values = torch.linalg.svdvals(matrix[:, :, 0, 0])
    start = start_of(block)
    assert start.largest == pytest.approx(values[0].item())
    assert start.smallest == pytest.approx(values[-1].item())
    assert start.through_16 == pytest.approx(values.prod().item() ** (16 / C))


def test_a_factor_is_the_scale_and_grows_through_16_blocks() -> None:
    start = start_of(own("Scales(factor=1.5)"))
    assert start[:5] == pytest.approx((1.5,) * 5)
    assert start.through_16 == pytest.approx(1.5**16)
    assert start[6:] == (None, None, None)


def test_the_start_is_that_of_the_block_as_it_is_built() -> None:
    """A non-local block begins as the identity, dual attention as twice the identity."""
    assert start_of(ours("non_local", 8))[:6] == pytest.approx((1,) * 6)
    assert start_of(ours("da", 8))[:6] == pytest.approx((*(2,) * 5, 2**16))


def test_gates_are_found_with_their_range_and_saturation() -> None:
    start = start_of(own("Saturates"))
    assert start.lowest_gate == pytest.approx(0)
    assert start.highest_gate == pytest.approx(1)
    assert start.saturated is not None
    assert start.saturated > 0.95
    # With a mean of noise as its input, a gate without bias is near one half.
    lowest, highest, saturated = start_of(ours("se"))[6:]
    assert lowest is not None
    assert highest is not None
    assert 0.4 < lowest < 0.5 < highest < 0.6
    assert saturated == 0


def test_intensity_divides_multiply_adds_by_the_least_bytes() -> None:
    width, positions = 4, math.prod(COST_SIZE)
    params = 2 * COST_CHANNELS * width
    least = 4 * (2 * COST_CHANNELS * positions + params)
    macs = params * positions
    intensity = anatomy_of(f"bottleneck(width={width})", C, SIZE).intensity
    assert intensity == (least, macs, macs, macs / least, macs / least)


def test_only_parameters_that_are_zero_throughout_are_drawn() -> None:
    block = ours("non_local", 8)
    built, awake = block.as_built().state_dict(), block.awake().state_dict()
    drawn = [name for name in built if not built[name].equal(awake[name])]
    assert drawn == ["expand.weight", "expand.bias"]
    assert all(awake[name].abs().min() > 0 for name in drawn)


def test_an_anatomy_is_the_same_every_time() -> None:
    torch.manual_seed(1)
    first = anatomy_of("cbam", 16, SIZE)
    torch.manual_seed(2)
    assert anatomy_of("cbam", 16, SIZE) == first
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(
    ("block", "channels", "size", "problem"),
    [
        ("se", 32, (9, 40), "size 9x40: sides must be at least 10"),
        ("se", 256, (12, 12), "9,216 columns, and at most 2,500 are measured"),
        ("se", 24, SIZE, "24 channels cannot be reduced by 16"),
        (f"{__name__}:MixesImages", C, SIZE, "changes beside another image"),
        (f"{__name__}:Divides", C, SIZE, "it returns NaN or infinity"),
        (
            f"{__name__}:HoldsFloat32",
            C,
            SIZE,
            r"in float64: RuntimeError: .*test_anatomy\.py",
        ),
        (f"{__name__}:AddsPatterns", C, (10, 14), "RuntimeError: .*test_anatomy.py"),
    ],
)
def test_what_has_no_anatomy_is_said_in_one_line(
    block: str, channels: int, size: tuple[int, int], problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        anatomy_of(block, channels, size)
    assert "\n" not in str(caught.value)


def test_an_own_block_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ablations.anatomy.SECONDS", 0.2)
    with pytest.raises(InputError, match=r"took more than 0\.2 s"):
        anatomy_of(f"{__name__}:NeverEnds", C, SIZE)
    assert torch.get_default_dtype() == torch.float32


def test_the_verb_prints_tables_and_names_blocks_that_do_not_fit(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    names = ["none", "gc", "se"]
    flags = [flag for name in names for flag in ("--block", name)]
    out = tmp_path / "out"
    assert main(["anatomy", *flags, "--channels", "8", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "adds one context" in printed
    assert "block 'se': 8 channels cannot be reduced by 16" in printed
    assert (out / "anatomy.md").exists()
    assert main(["anatomy", "--block", "se", "--channels", "8"]) == 2


def small_page() -> tuple[list[Anatomy], list[str]]:
    return anatomies(["none", "se", "non_local"], 16, SIZE)


def test_published_claims_have_columns_of_their_own() -> None:
    found, _ = small_page()
    rows = {one.block: anatomy_row(one) for one in found}
    assert rows["non_local"]["channel_resolution"] == "C"
    assert rows["se"]["complexity"] == "CWH"
    assert rows["none"]["nonlinearity"] is None
    claims = {"channel_resolution", "spatial_resolution", "nonlinearity", "complexity"}
    for table in anatomy_page(found, 16, SIZE).tables:
        pairs = zip(table.columns, headers(table.columns), strict=True)
        paper = {column.name for column, header in pairs if header.endswith("(paper)")}
        assert paper == claims & {column.name for column in table.columns}


def test_the_committed_page_has_every_block() -> None:
    """If this fails: `ablate anatomy --out reports/generated`."""
    assert [row[0] for row in read(GENERATED / "anatomy.csv")[1:]] == list(BLOCKS)


def test_the_verb_measures_what_the_function_does_by_default() -> None:
    words = ["anatomy"]
    args = create_parser(words).parse_args(words)
    assert (args.channels, args.size) == (CHANNELS, SIZE_OF_PAGE)


@pytest.mark.slow
def test_the_committed_page_is_what_the_code_gives(tmp_path: Path) -> None:
    """If this fails: `ablate anatomy --out reports/generated`."""
    found, problems = anatomies(BLOCKS, CHANNELS, SIZE_OF_PAGE)
    assert problems == []
    write_page(anatomy_page(found, CHANNELS, SIZE_OF_PAGE), tmp_path, "anatomy")
    assert prose(tmp_path / "anatomy.md") == prose(GENERATED / "anatomy.md")
    for name in ("anatomy", "anatomy_start", "anatomy_cost"):
        rows, committed = (read(path / f"{name}.csv") for path in (tmp_path, GENERATED))
        assert [*map(len, rows)] == [*map(len, committed)]
        for cell, other in zip(chain(*rows), chain(*committed), strict=True):
            assert cell == other or float(cell) == pytest.approx(float(other), rel=1e-3)


def prose(path: Path) -> list[str]:
    """All lines but those of tables."""
    return [line for line in path.read_text().splitlines() if not line.startswith("|")]


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))
