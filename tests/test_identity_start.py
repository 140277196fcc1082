"""With `init: identity` a network begins as the one without blocks, and then learns."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.attention.identity_start import IdentityStart
from ablations.blocks import create_attention, label_of, set_evaluation
from ablations.complexity.cost import Cost
from ablations.complexity.counters import measure
from ablations.complexity.subjects import BlockCounts
from ablations.contract import check_block
from ablations.errors import InputError
from ablations.models import create_model
from ablations.run_config import RunConfig
from lightning_modules.cost_table import write_cost
from lightning_modules.execution import Execution
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule

TINY = {
    "block": "se(ratio=4)",
    "init": "identity",
    "placement": "stages",
    "model": "fpn",
    "image_size": 32,
    "train_images": 4,
    "val_images": 2,
    "batch_size": 2,
    "max_steps": 1,
}
USERS = f"{__name__}:Doubling"


class Doubling(nn.Module):
    def __init__(self, channels: int, groups: int = 1) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 2.0))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class Pooling(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3), keepdim=True)  # can be added to x


def started(block: str, channels: int) -> IdentityStart:
    module = create_attention(f"identity({block})", channels)
    assert isinstance(module, IdentityStart)
    return module


@pytest.mark.parametrize("block", ["psa_sequential", "non_local", f"{USERS}(groups=2)"])
@pytest.mark.parametrize("evaluation", ["direct", "fast"])
def test_the_logits_are_those_of_the_bare_network(block: str, evaluation: str) -> None:
    networks = []
    for name in (f"identity({block})", "none"):
        torch.manual_seed(0)
        networks.append(create_model("fpn", "resnet18", 5, name, "stages").eval())
    gated, bare = networks
    set_evaluation(gated, evaluation)  # type: ignore[arg-type]
    unmatched = gated.load_state_dict(bare.state_dict(), strict=False)
    assert not unmatched.unexpected_keys
    images = torch.randn(2, 3, 64, 96)
    assert torch.equal(gated(images), bare(images))


def test_at_a_gate_of_one_it_is_the_block() -> None:
    block = started("psa_parallel", 12).double()
    x = torch.randn(2, 12, 5, 7).double()
    with torch.no_grad():
        block.gate.fill_(0.25)
        expected = 0.75 * x + 0.25 * block.block(x)
        torch.testing.assert_close(block(x), expected)


def moves(parameter: nn.Parameter) -> bool:
    return parameter.grad is not None and bool(parameter.grad.any())


def test_the_gate_learns_first_and_the_block_after_it() -> None:
    torch.manual_seed(0)
    block = started("psa_parallel", 12)
    x = torch.randn(2, 12, 5, 7)
    optimizer = torch.optim.SGD(block.parameters(), lr=0.1)
    torch.autograd.backward((block(x) ** 2).sum())
    assert moves(block.gate)
    assert not any(map(moves, block.block.parameters()))
    optimizer.step()
    optimizer.zero_grad()
    torch.autograd.backward((block(x) ** 2).sum())
    assert all(map(moves, block.block.parameters()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_gate_does_not_change_the_type_of_numbers(dtype: torch.dtype) -> None:
    block = IdentityStart(nn.Identity())  # its gate is float32
    assert block(torch.ones(1, 2, 3, 3, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("name", [name for name in BLOCKS if name != "none"])
def test_it_costs_one_parameter_more_than_the_block(name: str) -> None:
    counts = BlockCounts(f"identity({name})", "direct", 32, (5, 7))
    alone = BlockCounts(name, "direct", 32, (5, 7))
    assert counts.params == alone.params + 1
    assert counts.macs == alone.macs is not None
    assert counts.meta_macs == alone.meta_macs
    assert counts.formula == alone.formula


def test_copies_and_state_dicts_hold_the_gate() -> None:
    block = started("se", 32)
    with torch.no_grad():
        block.gate.fill_(0.5)
    assert copy.deepcopy(block).gate == 0.5
    assert set(block.state_dict()) == {"gate", "block.reduce.weight", "block.expand.weight"}
    other = create_attention("identity(se)", 32)
    other.load_state_dict(block.state_dict())
    x = torch.randn(1, 32, 3, 5)
    assert torch.equal(other(x), block(x))


def test_it_can_be_exported() -> None:
    block = create_attention("identity(psa_parallel)", 12, "direct").eval()
    x = torch.randn(1, 12, 5, 7)
    torch.testing.assert_close(torch.export.export(block, (x,)).module()(x), block(x))


def test_a_users_block_is_checked_inside_its_start() -> None:
    check_block(f"identity({USERS})", 6, (5, 7))
    with pytest.raises(InputError, match=r"returns .* for an input"):
        check_block(f"identity({__name__}:Pooling)", 6, (5, 7))


def test_tables_name_the_start() -> None:
    assert label_of("identity(psa_parallel)") == "PSA (p), identity start"
    assert label_of("identity(se(ratio=4))") == "SE (ratio 4), identity start"
    assert label_of(f"identity({USERS})") == f"{USERS}, identity start"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"block": "identity(se)"}, "write block: se and init: identity"),
        ({"block": "identity( se ( ratio = 4 ) )"}, r"write block: se\(ratio=4\) and init"),
        ({"init": "identity"}, "block none has no start"),
        ({"block": "se", "init": "zero"}, "'plain' or 'identity'"),
    ],
)
def test_a_start_is_a_key_of_its_own(values: dict[str, str], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        RunConfig.parse(values)


@pytest.mark.parametrize("text", ["identity", "identity(none)", "identity(identity(se))"])
def test_a_start_needs_a_block(text: str) -> None:
    with pytest.raises(InputError, match=r"identity takes|identity needs"):
        create_attention(text, 32)


def test_a_run_has_a_gate_at_each_site(tmp_path: Path) -> None:
    config = RunConfig.parse(TINY)
    record = train(config, tmp_path, Execution(accelerator="cpu", progress_bar=False))
    sites = 4  # the features that FPN reads
    plain = create_model("fpn", "resnet18", len(record.iou), "se(ratio=4)", "stages")
    cost = measure(plain, (1, 3, 32, 32))
    assert (record.params, record.macs) == (cost.params + sites, cost.macs)
    write_cost(record, tmp_path / "cost.csv")
    ratios = [2 * channels * channels // 4 + 1 for channels in (64, 128, 256, 512)]
    costs = (tmp_path / "cost.csv").read_text().splitlines()[1:-1]
    assert [int(line.split(",")[3]) for line in costs] == ratios


def test_one_step_of_training_moves_every_gate() -> None:
    module = SegmentationModule(RunConfig.parse(TINY), ("a", "b"))
    gates = [part.gate for part in module.modules() if isinstance(part, IdentityStart)]
    images, labels = torch.randn(2, 3, 32, 32), torch.randint(0, 2, (2, 32, 32))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    torch.autograd.backward(nn.functional.cross_entropy(module(images), labels))
    optimizer.step()
    assert [gate.item() != 0 for gate in gates] == [True] * 4


def test_elementwise_operations_of_the_gate_are_no_multiply_adds() -> None:
    cost: Cost = measure(IdentityStart(nn.Conv2d(6, 6, 1, bias=False)), (1, 6, 5, 7))
    assert (cost.params, cost.macs) == (37, 6 * 6 * 5 * 7)
