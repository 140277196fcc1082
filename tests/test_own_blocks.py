"""A user's own block is counted as it is trained, or refused in one line that names it."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.attention.base import EVALUATIONS
from ablations.bare_models import BareModel
from ablations.blocks import create_attention
from ablations.cli import main
from ablations.complexity.any_resolution import cost_at
from ablations.complexity.site_costs import site_costs
from ablations.complexity.subjects import Setting
from ablations.contract import LoneBlock, check_block, real_block
from ablations.errors import InputError
from ablations.models import Network, check_network
from ablations.own_code import load_object
from ablations.passes import default_dtype

C = 16
MIX = C * C * 64  # of a 1x1 convolution on 8x8


class Mixes(nn.Module):
    """A 1x1 convolution, and whatever a subclass adds."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(x)
        return mixed


# Blocks that need values, a size, or a first pass.


class Indexed(Mixes):
    """With garbage in its buffer it would index out of bounds."""

    order: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("order", torch.arange(channels).flip(0))

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(x[:, self.order])
        return mixed


class Computed(Mixes):
    """Its constructor reads a number from a tensor."""

    def __init__(self, channels: int) -> None:
        super().__init__(int(torch.exp2(torch.log2(torch.tensor(float(channels)))).round()))


class Flagged(Mixes):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("on", torch.tensor(True))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * x.max().item() if self.on else x


class Lazy(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.LazyConv2d(channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(x)
        return mixed


class Late(nn.Module):
    """Its layer is created in the first pass."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix: nn.Module | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.mix is None:
            self.mix = nn.Conv2d(x.shape[1], x.shape[1], 1)
        mixed: Tensor = self.mix(x)
        return mixed


class OneSize(Mixes):
    error: type[Exception] = AssertionError

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] != (8, 8):
            raise self.error("made for 8x8")
        return super().forward(x)


class OneSizeByIndex(OneSize):
    error = IndexError


class OneSizeByKey(OneSize):
    error = KeyError


class OneSizeByValue(OneSize):
    error = ValueError


@pytest.mark.parametrize(
    "block",
    [
        Indexed, Computed, Flagged, Lazy, Late,
        OneSize, OneSizeByIndex, OneSizeByKey, OneSizeByValue,
    ],
)  # fmt: skip
def test_a_block_is_counted_by_the_very_module_at_the_very_size(block: type) -> None:
    cost = cost_at(LoneBlock(f"{__name__}:{block.__name__}", C, "direct"), (8, 8))
    assert (cost.params, cost.macs, cost.not_counted) == (C * C + C, MIX, "")


def test_a_block_is_built_in_float32_whatever_the_default_is_meanwhile() -> None:
    lone = LoneBlock(f"{__name__}:Mixes", 11, "direct")
    with default_dtype(torch.float64):
        inside = lone.real()
    real_block.cache_clear()
    states = [*inside.state_dict().values(), *lone.real().state_dict().values()]
    assert {state.dtype for state in states} == {torch.float32}
    assert all(map(torch.equal, states[:2], states[2:]))


# Blocks that break the contract.


class Pair(Mixes):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x), x  # type: ignore[return-value]


class Nothing(Mixes):
    def forward(self, x: Tensor) -> Tensor:
        return None  # type: ignore[return-value]


class Scalar(Mixes):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).mean()


class Smaller(Mixes):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[..., 1:]


class Double(Mixes):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).double()


class InPlace(Mixes):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(2))


class BehindTheBack(Mixes):
    def forward(self, x: Tensor) -> Tensor:
        x.data.zero_()
        return super().forward(x)


class Raises(Mixes):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("lost\nand found")


class Leaves(Mixes):
    def forward(self, x: Tensor) -> Tensor:
        raise SystemExit


class TwoInputs(Mixes):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return x + y


class Wants(Mixes):
    def __init__(self, channels: int, *, ratio: int) -> None:
        super().__init__(channels)


class Refuses(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(channels, 7)


def function_of_a_tensor(x: Tensor) -> Tensor:
    return 2 * x


NUMBER = 3


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Pair", "returns tuple, but must return one tensor"),
        ("Nothing", "returns NoneType"),
        ("Scalar", "returns a single number for an input of 1x16x8x8"),
        ("Smaller", "returns 1x16x8x7 for an input of 1x16x8x8"),
        ("Double", "returns float64 for an input of float32"),
        ("InPlace", "changes its input in place"),
        ("BehindTheBack", "changes its input in place"),
        ("Raises", r"RuntimeError: lost \(test_own_blocks.py, line \d+\)"),
        ("Leaves", r"SystemExit \(test_own_blocks.py"),
        ("TwoInputs", "missing 1 required positional argument: 'y'"),
        ("Wants", "cannot be built for 16 channels: .* argument: 'ratio'"),
        ("Refuses", "embed_dim must be divisible by num_heads"),
        ("function_of_a_tensor", "returns int, but must return an nn.Module"),
        ("NUMBER", "is int, but must be a class"),
        ("Missing", "has no 'Missing'"),
    ],
)
def test_what_breaks_the_contract_is_one_line_that_names_the_block(
    name: str, problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        check_block(f"{__name__}:{name}", C, (8, 8))
    assert f"block '{__name__}:{name}'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["Pair", "Smaller", "Raises"])
def test_the_contract_holds_at_large_sizes_too(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}' on 16 channels of 100x100"):
        check_block(f"{__name__}:{name}", C, (100, 100))


def test_the_contract_of_a_large_size_needs_no_memory() -> None:
    check_block(f"{__name__}:Mixes", C, (2**14, 2**14))
    with pytest.raises(InputError, match=r"can only be checked by a run"):
        check_block(f"{__name__}:Flagged", C, (2**14, 2**14))


@pytest.mark.parametrize("evaluation", EVALUATIONS)
@pytest.mark.parametrize("block", BLOCKS)
def test_this_suites_blocks_keep_the_contract(block: str, evaluation: str) -> None:
    from ablations.contract import violation

    module = create_attention(block, 32, evaluation).eval()  # type: ignore[arg-type]
    x = torch.randn(2, 32, 5, 7)
    before = x.clone()
    assert violation(x, module(x)) == ""
    assert torch.equal(x, before)


# Files that cannot be imported.

FILES = {
    "syntax": ("class B(:\n    pass\n", r"SyntaxError.*\(syntax_file.py, line 1\)"),
    "nul": ("x = 1\0\n", r"(Syntax|Value)Error: source code .*null bytes"),
    "zero": ("\n1 / 0\n", r"ZeroDivisionError: division by zero \(zero_file.py, line 2\)"),
    "error": ("raise RuntimeError('boom')\n", "RuntimeError: boom"),
    "exit": ("raise SystemExit(0)\n", "SystemExit: 0"),
    "interrupt": ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
    "lacking": ("import no_such_package\n", "No module named 'no_such_package'"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_imported_is_one_line(folder: Path, kind: str) -> None:
    content, problem = FILES[kind]
    (folder / f"{kind}_file.py").write_text(content)
    with pytest.raises(InputError, match=problem) as caught:
        load_object("block", f"{kind}_file:B")
    assert f"block '{kind}_file:B' cannot be imported" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_import_changes_nothing_for_others(folder: Path) -> None:
    (folder / "changes_all.py").write_text(
        "import random, torch\nrandom.seed(1); torch.manual_seed(1)\n"
        "torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False)\n"
        "class B(torch.nn.Conv2d):\n"
        "    def __init__(self, channels): super().__init__(channels, channels, 1)\n"
    )
    torch.manual_seed(7)
    random.seed(7)
    draws = torch.rand(3), random.random()
    torch.manual_seed(7)
    random.seed(7)
    block = load_object("block", "changes_all:B")(4)
    assert torch.is_grad_enabled()
    assert next(block.parameters()).dtype == torch.float32
    torch.manual_seed(7)
    assert random.random() == draws[1]
    assert torch.equal(torch.rand(3), draws[0])


def test_a_persons_interrupt_during_an_import_stays_one(folder: Path) -> None:
    (folder / "interrupted_file.py").write_text(
        "import signal\nsignal.raise_signal(signal.SIGINT)\n"
    )
    with pytest.raises(KeyboardInterrupt):
        load_object("block", "interrupted_file:B")


# In the verbs.


def test_other_blocks_of_a_table_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["se(ratio=4)", f"{__name__}:Refuses", f"{__name__}:Pair", "se(ratio=4)"]
    blocks = [word for name in names for word in ("--block", name)]
    sizes = ["--size", "64", "--out", str(tmp_path)]
    model = ["--model", "fpn", "--encoder", "resnet18", "--placement", "last_feature"]
    for shape in (["--channels", "16"], model):
        assert main(["cost", *blocks, *shape, *sizes]) == 0
        page = capsys.readouterr().out
        assert page.count("| SE (ratio 4) ") >= 2
        assert "embed_dim must be divisible" in " ".join(page.split())
        assert "returns tuple" in page


@pytest.mark.parametrize(
    "verb",
    [
        ["cost", "--channels", "16", "--size", "8"],
        ["cost", "--model", "fpn", "--encoder", "resnet18", "--size", "64"],
        ["where", "--model", "fpn", "--encoder", "resnet18", "--size", "64"],
        ["bench", "--shape", "1x16x8x8"],
        ["bench-model", "--model", "fpn", "--encoder", "resnet18", "--size", "64"],
        ["train", "--model", "fpn", "--image-size", "64"],
    ],
    ids=lambda words: words[0],
)
def test_a_verb_ends_with_one_line(
    verb: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb, "--block", f"{__name__}:Pair"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    # on a busy machine, the progress of what takes ten seconds
    error = [line for line in lines if not line.startswith(f"{verb[0]}: ")]
    assert len(error) == 1
    assert f"block '{__name__}:Pair'" in error[0]


def test_a_network_is_checked_before_it_is_used() -> None:
    network = Network(BareModel("fpn", "resnet18", 3), None, "se", "stages", (64, 64))
    check_network(network._replace(block=f"{__name__}:Mixes"))
    check_network(network._replace(block="none", placement="residual"))
    with pytest.raises(InputError, match="Smaller' on 64 channels of 16x16"):
        check_network(network._replace(block=f"{__name__}:Smaller"))
    with pytest.raises(
        InputError, match=r"unknown weights of encoder 'resnet18'.*imagenett"
    ):
        check_network(network._replace(encoder_weights="imagenett"))
    vgg = network._replace(bare=BareModel("fpn", "vgg11", 3))
    with pytest.raises(InputError, match="residual needs BasicBlocks"):
        check_network(vgg._replace(placement="residual"))
    nested = BareModel("unetplusplus", "resnet18", 3)
    with pytest.raises(InputError, match="image size 50x50"):
        check_network(network._replace(bare=nested, block="none", size=(50, 50)))


def test_two_blocks_of_one_class_name_are_told_apart() -> None:
    from reports.units import label

    assert label("first:Mine") != label("second:Mine")
    assert label("se") == "SE"


def test_a_block_without_a_count_is_named_where_it_lands() -> None:
    setting = Setting(BareModel("fpn", "resnet18", 2), "last_feature", (64, 64))
    costs = site_costs("tests.test_counters:Spectral", setting, "fast")
    assert [cost.macs for cost in costs] == ["not counted: aten::mv, aten::vdot"]


@pytest.mark.slow
def test_the_command_reads_a_block_beside_it(folder: Path) -> None:
    (folder / "mine.py").write_text("raise SystemExit('no')\n")
    command = [sys.executable, "-m", "ablations", "cost", "--block", "mine:B"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stderr.strip().endswith(
        "block 'mine:B' cannot be imported: SystemExit: no (mine.py, line 1)"
    )
