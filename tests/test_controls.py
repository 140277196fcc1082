"""A control is a bottleneck that costs as much as a block, at every site."""

from math import prod
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ablations.attention import BLOCKS, PLAIN_BLOCKS
from ablations.attention.bottleneck import WIDEST, Bottleneck
from ablations.bare_models import BareModel
from ablations.benchmark.bench import bench_case
from ablations.benchmark.candidates import Effort
from ablations.benchmark.cases import Case
from ablations.blocks import create_attention, find_block, label_of
from ablations.complexity.audit import whole_costs_the_sum
from ablations.complexity.control_costs import control_costs
from ablations.complexity.counters import measure
from ablations.complexity.growth import growth_of_blocks
from ablations.complexity.subjects import BlockCounts, ModelCounts, Setting
from ablations.contract import Size
from ablations.controls import resolve
from ablations.errors import InputError
from ablations.models import Network, check_network, create_model
from ablations.run_config import RunConfig
from ablations.sources import source_of
from lightning_modules.execution import Execution
from lightning_modules.run import train
from reports.where import where_table

SIZES: list[Size] = [(5, 7), (16, 16), (33, 20)]
SETTING = Setting(BareModel("fpn", "resnet18", 3), "stages", (64, 96))
STAGES = [(64, (16, 24)), (128, (8, 12)), (256, (4, 6)), (512, (2, 3))]
PARALLEL = "psa_parallel"
TINY = {
    "placement": "stages",
    "model": "fpn",
    "image_size": 32,
    "train_images": 4,
    "val_images": 2,
    "batch_size": 2,
    "max_steps": 1,
}


class Odd(nn.Module):
    """Has a parameter for every channel, and two that depend on an option."""

    def __init__(self, channels: int, extra: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.rest = nn.Parameter(torch.ones(2 * extra))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight + self.rest.sum()


class Lazy(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.LazyConv2d(channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layer(x)
        return result


class Uncounted(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = torch.linalg.inv(torch.diag(self.weight)).sum()
        return x * total


class Nothing(nn.Module):
    """Without a parameter and without a product."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x.sigmoid()


def width_of(text: str) -> int:
    name, _, rest = text.partition("(width=")
    assert name == "bottleneck"
    return int(rest.removesuffix(")"))


def psa_params(channels: int) -> float:
    """Query, value, expansion and norm of the channel branch; two of the spatial one.

    With R = C / 2: C + 1, C R + R, R C + C and 2 C; twice C R + R.
    """
    return 2 * channels**2 + 5.5 * channels + 1


def psa_macs(channels: int, positions: int) -> float:
    """As published, with R = C / 2.

    At each position C for the query, C R for the value and R for their product, once R C
    for the expansion; at each position 2 C R for query and value, and R for their product.
    """
    reduced = channels / 2
    channel = (channels + channels * reduced + reduced) * positions + channels * reduced
    return channel + (2 * channels * reduced + reduced) * positions


@pytest.mark.parametrize("channels", [6, 64, 130, 512])
def test_the_width_is_that_of_equal_parameters(channels: int) -> None:
    width = width_of(resolve(f"matched_params({PARALLEL})", channels, None))
    assert width == round(psa_params(channels) / (2 * channels))
    assert BlockCounts(PARALLEL, "direct", channels, (3, 5)).params == psa_params(channels)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [16, 130])
def test_the_width_is_that_of_equal_multiply_adds(channels: int, size: Size) -> None:
    width = width_of(resolve(f"matched_macs({PARALLEL})", channels, size))
    exact = psa_macs(channels, prod(size)) / (2 * channels * prod(size))
    assert width == round(exact)


def test_a_cheap_block_gets_the_smallest_width() -> None:
    """SE: 2 C^2 / 16 multiply-adds for the whole image, less than one width at N = 35."""
    assert resolve("matched_macs(se)", 64, (5, 7)) == "bottleneck(width=1)"
    assert resolve("matched_params(se)", 64, None) == "bottleneck(width=4)"  # C / 16


@pytest.mark.parametrize("name", [name for name in BLOCKS if name != "none"])
@pytest.mark.parametrize("control", ["matched_params", "matched_macs"])
def test_no_other_width_is_nearer(name: str, control: str) -> None:
    channels, size = 32, (9, 11)
    block = BlockCounts(name, "direct", channels, size)
    if not (block.macs if control == "matched_macs" else block.params):
        nothing = "no (multiply-adds|parameters), so there is nothing"
        with pytest.raises(InputError, match=nothing):
            resolve(f"{control}({name})", channels, size)
        return
    own = BlockCounts(f"{control}({name})", "direct", channels, size)
    step = 2 * channels * (prod(size) if control == "matched_macs" else 1)
    cost, target = (
        (own.macs, block.macs) if control == "matched_macs" else (own.params, block.params)
    )
    assert cost is not None
    assert target is not None
    assert abs(cost - target) <= step / 2 or cost == step
    assert cost % step == 0


@pytest.mark.parametrize("control", ["matched_params", "matched_macs"])
def test_a_model_has_at_each_site_the_width_of_that_site(control: str) -> None:
    text = f"{control}({PARALLEL})"
    network = create_model(
        "fpn", "resnet18", 3, text, "stages", "fast", image_size=SETTING.size
    )
    placed = [part for part in network.modules() if isinstance(part, Bottleneck)]
    widths = [part.reduce.out_channels for part in placed]
    if control == "matched_params":
        expected = [psa_params(channels) / (2 * channels) for channels, _ in STAGES]
    else:
        expected = [
            psa_macs(channels, prod(size)) / (2 * channels * prod(size))
            for channels, size in STAGES
        ]
    assert widths == [round(width) for width in expected]
    counts = ModelCounts(text, "fast", SETTING)
    assert whole_costs_the_sum(counts)
    check_network(Network(SETTING.bare, None, text, "stages", SETTING.size))
    costs = control_costs(text, SETTING)
    assert [cost.width for cost in costs] == widths
    assert [cost.channels for cost in costs] == [channels for channels, _ in STAGES]
    assert [cost.block_params for cost in costs] == [psa_params(c) for c, _ in STAGES]
    assert [cost.block_macs for cost in costs] == [psa_macs(c, prod(n)) for c, n in STAGES]


def test_a_control_has_a_start_too() -> None:
    text = f"identity(matched_params({PARALLEL}))"
    assert resolve(text, 64, None) == "identity(bottleneck(width=67))"
    assert label_of(text) == "Same params as PSA (p), identity start"
    bare = create_model("fpn", "resnet18", 3).eval()
    started = create_model("fpn", "resnet18", 3, text, "stages").eval()
    started.load_state_dict(bare.state_dict(), strict=False)
    images = torch.randn(1, 3, 64, 96)
    assert torch.equal(started(images), bare(images))


def test_the_table_shows_what_is_left_between_a_control_and_its_block() -> None:
    table = where_table(f"matched_macs({PARALLEL})", SETTING, "fast")
    first = table.numbers.iloc[0]
    channels, size = STAGES[0]
    params = 2 * channels * first["width"]
    assert first["params"] == params
    assert first["params_difference"] == pytest.approx(params / psa_params(channels) - 1)
    macs = params * prod(size) / psa_macs(channels, prod(size)) - 1
    assert first["macs_difference"] == pytest.approx(macs)
    assert [column.name for column in table.columns[4:6]] == ["width", "macs"]


def test_a_users_block_is_matched_by_its_own_cost() -> None:
    block = f"{__name__}:Odd(extra=50)"
    assert (
        resolve(f"matched_params({block})", 10, None) == "bottleneck(width=6)"
    )  # 110 / 20
    lazy = f"matched_params({__name__}:Lazy)"
    assert resolve(lazy, 12, None) == "bottleneck(width=7)"  # 156 / 24 = 6.5
    assert label_of(f"matched_params({block})") == f"Same params as {block}"


def test_the_source_of_a_matched_block_decides_the_run() -> None:
    block = f"{__name__}:Odd"
    assert source_of({"block": f"matched_params({block})"}) == source_of({"block": block})
    assert source_of({"block": block})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("matched_params", "takes one block and no options"),
        ("matched_params(se, width=3)", "takes one block and no options"),
        ("matched_params(none)", "needs a block"),
        ("matched_macs(matched_params(se))", "not a control"),
        ("matched_macs(bottleneck(width=3))", "not a control"),
        ("matched_params(identity(se))", "write the key init"),
        ("matched_params(sse)", "unknown block 'sse'"),
        ("matched_params(se(rate=3))", "unknown option 'rate'"),
    ],
)
def test_a_control_needs_a_block(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        find_block(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"matched_macs({__name__}:Uncounted)", "are not counted: aten::linalg_inv"),
        (f"matched_macs({__name__}:Nothing)", "has no multiply-adds"),
        (f"matched_params({__name__}:Nothing)", "has no parameters"),
    ],
)
def test_what_cannot_be_matched_is_one_line(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as error:
        resolve(text, 16, (5, 7))
    assert "\n" not in str(error.value)


def test_multiply_adds_are_matched_only_for_a_size() -> None:
    with pytest.raises(InputError, match="its width depends on the size of the image"):
        create_model("fpn", "resnet18", 3, "matched_macs(da)", "stages")
    with pytest.raises(InputError, match="its width is known only in a network"):
        create_attention("matched_macs(da)", 64)


@pytest.mark.parametrize("size", SIZES)
def test_a_bottleneck_computes_its_formula(size: Size) -> None:
    block = create_attention("bottleneck(width=3)", 6, "direct").double()
    assert isinstance(block, Bottleneck)
    x = torch.randn(2, 6, *size).double()
    down, up = block.reduce.weight[:, :, 0, 0], block.expand.weight[:, :, 0, 0]
    hidden = torch.einsum("rc,bchw->brhw", down, x).clamp(min=0)
    torch.testing.assert_close(block(x), x + torch.einsum("cr,brhw->bchw", up, hidden))
    cost = measure(block.float(), (1, 6, *size))
    assert (cost.params, cost.macs) == (2 * 6 * 3, 2 * 6 * 3 * prod(size))
    assert block.closed_form(*size) == (cost.params, cost.macs)


@pytest.mark.parametrize("text", ["bottleneck", f"bottleneck(width={WIDEST + 1})"])
def test_a_bottleneck_without_a_sensible_width_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match="needs a width from 1 to"):
        create_attention(text, 6)


def test_controls_are_in_no_table_of_every_block() -> None:
    assert not BLOCKS.keys() & PLAIN_BLOCKS.keys()


def test_a_lone_control_is_counted_timed_and_grows() -> None:
    control = f"matched_params({PARALLEL})"
    growth = growth_of_blocks([control], 6, "direct", (5, 7))
    assert growth[control].value(11) == 2 * 6 * 9 * 11  # width 9 = round(106 / 12)
    case = Case(control, (1, 6, 5, 7), "float32")
    row = bench_case(case, Effort(torch.device("cpu"), threads=1, rounds=1, seconds=60))
    assert row["block"] == control
    assert row["fast_macs"] == 2 * 6 * 9 * 35


def test_a_run_trains_a_control(tmp_path: Path) -> None:
    config = RunConfig.parse(TINY | {"block": "matched_macs(psa_parallel)"})
    record = train(config, tmp_path, Execution(accelerator="cpu", progress_bar=False))
    setting = Setting(BareModel("fpn", "resnet18", len(record.iou)), "stages", (32, 32))
    counts = ModelCounts(config.block, "fast", setting)
    assert (record.params, record.macs) == (counts.params, counts.macs)
    block = ModelCounts(PARALLEL, "direct", setting).macs
    assert block is not None
    assert record.macs == pytest.approx(block, rel=0.01)
