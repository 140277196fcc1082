"""A check before training finds each fault by its row, and measures known changes."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.bare_models import BareModel
from ablations.check.contract_findings import contract_findings
from ablations.check.finding import Finding, any_broken
from ablations.check.gates import gates_of
from ablations.check.images import photograph_noise
from ablations.check.insertion_check import check_insertion, findings_without_cost
from ablations.check.network_start import bare_network
from ablations.check.promises import PROMISES, Trial, relative_rms
from ablations.cli import main
from ablations.models import Network

C, SIZE = 8, (6, 10)
BARE = BareModel("fpn", "resnet18", 3)


class Good(nn.Module):
    """Weighs channels; its bias and weight are used."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.conv(x.mean(dim=(2, 3), keepdim=True)).sigmoid()
        return x * gate


class InPlace(Good):
    def forward(self, x: Tensor) -> Tensor:
        return x.add_(1)


class MixesImages(Good):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=0, keepdim=True) / 2


class NeedsSeveralImages(Good):
    def forward(self, x: Tensor) -> Tensor:
        if len(x) == 1:
            raise ValueError("a batch is needed")
        return x * 2


class Crops(Good):
    def forward(self, x: Tensor) -> Tensor:
        return x[..., 1:]


class Doubles(Good):
    def forward(self, x: Tensor) -> Tensor:
        return x.double()


class Overflows(Good):
    def forward(self, x: Tensor) -> Tensor:
        return x / 0


class EvenSizesOnly(Good):
    def forward(self, x: Tensor) -> Tensor:
        halved = nn.functional.avg_pool2d(x, 2)
        return x * nn.functional.interpolate(halved, scale_factor=2)


class ReadsMemory(Good):
    """Takes the positions in the order of memory."""

    def forward(self, x: Tensor) -> Tensor:
        memory = torch.as_strided(x, (x.numel(),), (1,))
        return x + memory.reshape(x.shape)


class NeedsContiguous(Good):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x.view(x.shape[0], -1).view(x.shape)


class NeedsFloat32(Good):
    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            raise TypeError("only float32")
        return x * 3


class LosesPrecision(Good):
    """A small difference of large numbers."""

    def forward(self, x: Tensor) -> Tensor:
        type_ = torch.bfloat16 if torch.is_autocast_enabled("cpu") else x.dtype
        return ((x + 100).to(type_) - 100).to(x.dtype)


class CannotTrain(Good):
    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            raise RuntimeError("no training here")
        return x * 3


class Detached(Good):
    def forward(self, x: Tensor) -> Tensor:
        factor: Tensor = self.conv.weight.mean()
        return x.detach() * factor


class Random(Good):
    """Draws numbers in eval mode too, the same for every image."""

    def forward(self, x: Tensor) -> Tensor:
        self.calls: int = getattr(self, "calls", 0) + 1
        return x if self.training else x * self.calls


class Noisy(Good):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand(1)


class OnTheCpu(Good):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.ones(x.shape[1:])


class NeedsValues(Good):
    """Breaks nothing, although it cannot run on the meta device."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (2 if x.numel() and x.sum().item() > 1e9 else 3)


class Unused(Good):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.forgotten = nn.Parameter(torch.ones(3))


class Dead(Good):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.blocked = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 0 * self.blocked


class BiasBeforeSoftmax(Good):
    """Its gradient is zero, but for rounding."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.key = nn.Conv2d(channels, 1, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        attention = self.key(x).flatten(2).softmax(dim=-1)  # (B, 1, N)
        context = (x.flatten(2) * attention).sum(dim=-1)  # (B, C)
        return super().forward(x + context[:, :, None, None])


class ZeroStart(Good):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gate * super().forward(x)


class Same(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x * 1


class Triples(Good):
    def forward(self, x: Tensor) -> Tensor:
        return x * 3


class Vanishes(Good):
    def forward(self, x: Tensor) -> Tensor:
        return x * 0


class Saturated(Good):
    """Half of the channels have a gate of sigmoid(5) = 0.9933."""

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.zeros(x.shape[1], 1, 1, device=x.device, dtype=x.dtype)
        gate[::2] = 5
        weighted: Tensor = x * nn.Sigmoid()(gate)
        return weighted


def block(module: type[nn.Module]) -> str:
    return f"{__name__}:{module.__name__}"


def broken(findings: list[Finding]) -> list[str]:
    names = [each.subject for each in findings if each.verdict == "broken"]
    return [name.removeprefix("contract: ") for name in names]


def contract_of(module: type[nn.Module]) -> list[Finding]:
    return contract_findings([Trial(block(module), C, SIZE, "fast")])


def check(name: str, placement: str = "last_feature") -> dict[str, Finding]:
    """The findings by their subjects."""
    network = Network(BARE, None, name, placement, (64, 32))
    return {each.subject: each for each in findings_without_cost(network, "fast")}


@pytest.mark.parametrize(
    ("module", "row", "words"),
    [
        (Crops, "shape and type", "3x8x6x9"),
        (Doubles, "shape and type", "float64"),
        (Overflows, "shape and type", "infinity"),
        (EvenSizesOnly, "odd sizes", "RuntimeError"),
        (InPlace, "input unchanged", "in place"),
        (MixesImages, "images independent", "beside other images"),
        (NeedsSeveralImages, "images independent", "a batch is needed"),
        (ReadsMemory, "memory formats", "channels_last"),
        (NeedsContiguous, "memory formats", "RuntimeError"),
        (NeedsFloat32, "autocast", "only float32"),
        (LosesPrecision, "autocast", "far from its float32 result"),
        (CannotTrain, "train mode", "no training here"),
        (Detached, "train mode", "no gradient"),
        (OnTheCpu, "device", "on the CPU"),
    ],
)
def test_a_broken_promise_is_found_by_its_row_alone(
    module: type[nn.Module], row: str, words: str
) -> None:
    findings = contract_of(module)
    assert broken(findings) == [row]
    [advice] = [each.advice for each in findings if each.verdict == "broken"]
    assert "8 channels of 6x10" in advice
    assert words in advice


def test_what_changes_from_call_to_call_is_found() -> None:
    assert "deterministic" in broken(contract_of(Noisy))
    assert "deterministic" in broken(contract_of(Random))


@pytest.mark.parametrize("module", [Good, NeedsValues, ZeroStart, Saturated])
def test_a_block_that_keeps_its_promises_is_not_accused(module: type[nn.Module]) -> None:
    findings = contract_of(module)
    assert [each.subject for each in findings] == [f"contract: {name}" for name in PROMISES]
    assert {each.verdict for each in findings} == {"ok"}


@pytest.mark.parametrize("name", [name for name in BLOCKS if name != "none"])
def test_no_block_of_the_suite_breaks_a_promise(name: str) -> None:
    trials = [Trial(name, 16, (6, 10), evaluation) for evaluation in ("direct", "fast")]
    assert broken(contract_findings(trials)) == []


def test_a_block_that_does_nothing_changes_nothing() -> None:
    findings = check(block(Same), "residual")
    assert {each.verdict for each in findings.values()} == {"ok"}
    assert findings["logits"].values == {"change": 0}
    assert findings["gradient at the stem"].values == {"ratio": 1}
    assert findings["scale over each block"].values == {"smallest": 1, "largest": 1}
    for stage in range(1, 6):
        assert findings[f"scale of feature {stage}"].values == {"scale": 1}


def test_a_start_as_the_identity_hides_no_broken_promise() -> None:
    findings = check(f"identity({block(MixesImages)})")
    assert findings["contract: images independent"].verdict == "broken"
    assert findings["logits"].values == {"change": 0}


def test_a_known_factor_is_found_where_it_is_applied() -> None:
    findings = check(block(Triples))
    for stage in range(1, 5):
        assert findings[f"scale of feature {stage}"].values == {"scale": 1}
    assert findings["scale of feature 5"].values == pytest.approx({"scale": 3})
    assert findings["scale of feature 5"].verdict == "note"
    assert findings["scale over each block"].values["largest"] == pytest.approx(3)
    assert "multiply their output by 0.33" in findings["scale over each block"].advice


def test_blocks_that_cut_the_network_off_leave_the_stem_without_gradient() -> None:
    """FPN reads features 2 to 5; behind zeros only biases and norms are left."""
    findings = check(block(Vanishes), "stages")
    assert findings["gradient at the stem"].values == {"ratio": 0}
    assert "do not learn" in findings["gradient at the stem"].advice


def test_unused_parameters_are_named() -> None:
    findings = check(block(Unused), "stages")
    assert findings["unused parameters"].values == {"tensors": 4}
    assert "forgotten (4 places)" in findings["unused parameters"].advice
    assert findings["dead parameters"].verdict == "ok"


@pytest.mark.parametrize(
    ("module", "name"), [(Dead, "blocked"), (BiasBeforeSoftmax, "key.bias")]
)
def test_dead_parameters_are_named(module: type[nn.Module], name: str) -> None:
    findings = check(block(module))
    assert findings["dead parameters"].values == {"tensors": 1}
    assert f"{name} (1 place)" in findings["dead parameters"].advice
    assert findings["unused parameters"].verdict == "ok"


def test_what_waits_behind_a_zero_gate_is_not_dead() -> None:
    finding = check(block(ZeroStart))["dead parameters"]
    assert finding.verdict == "ok"
    assert "second step on: conv.weight (1 place), conv.bias (1 place)" in finding.advice


def test_saturated_gates_are_counted() -> None:
    finding = check(block(Saturated))["gates in (0, 1)"]
    assert finding.verdict == "note"
    assert finding.values == pytest.approx(
        {"saturated": 0.5, "lowest": 0.5, "highest": 1 / (1 + torch.e**-5)}
    )


@pytest.mark.parametrize(
    "sigmoid",
    [torch.sigmoid, Tensor.sigmoid, nn.Sigmoid(), nn.Hardsigmoid(), torch.special.expit],
)
def test_every_spelling_of_a_sigmoid_is_seen(sigmoid: Any) -> None:
    class Gated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = sigmoid(x)
            return result

    [gate] = gates_of(Gated(), torch.tensor([-9.0, 0.0, 0.0, 9.0]))
    assert gate.saturated == 0.5
    assert (gate.lowest, gate.highest) == pytest.approx((0, 1), abs=1e-3)


def test_images_have_the_spectrum_of_photographs() -> None:
    """Four times the frequency has a sixteenth of the power."""
    image = photograph_noise(200, (64, 64)).mean(dim=1)
    power = torch.fft.rfft2(image).abs().square().mean(dim=0)
    ratio = (power[16, 0] / power[4, 0]).item()
    assert ratio == pytest.approx(1 / 16, rel=0.3)


def test_batch_norms_of_the_bare_network_know_the_images() -> None:
    """The first norm returns mean 0 and variance 1 for the images of a check."""
    network: Any = bare_network(BARE, None, (64, 32))
    encoder = network.encoder
    with torch.no_grad():
        normed = encoder.bn1(encoder.conv1(photograph_noise(4, (64, 32))))
    assert normed.mean(dim=(0, 2, 3)) == pytest.approx(torch.zeros(64).numpy(), abs=1e-3)
    assert normed.var(dim=(0, 2, 3)).mean().item() == pytest.approx(1, abs=0.02)


def test_relative_rms_is_that_of_the_difference() -> None:
    tensor, reference = torch.tensor([3.0, 4.0]), torch.tensor([0.0, 5.0])
    assert relative_rms(tensor, reference) == pytest.approx((10 / 25) ** 0.5)


def test_cost_is_a_share_of_the_bare_network() -> None:
    """SE at the last feature of 512 channels has 2 * 512**2 / 16 parameters."""
    network = Network(BARE, None, "se", "last_feature", (64, 64))
    [cost] = [each for each in check_insertion(network, "fast") if each.subject == "cost"]
    bare = sum(parameter.numel() for parameter in BARE.meta().parameters())
    assert cost.values["params"] == pytest.approx(2 * 512**2 / 16 / bare)


@pytest.mark.parametrize(("name", "code"), [("Good", 0), ("MixesImages", 1), ("Crops", 1)])
def test_the_exit_code_says_whether_the_contract_is_kept(
    name: str, code: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["--model", "fpn", "--placement", "last_feature", "--out", str(tmp_path)]
    assert main(["check", "--block", f"{__name__}:{name}", *words]) == code
    output = capsys.readouterr().out
    assert f"{name} at last_feature in fpn with resnet18" in output
    assert ("broken" in output) == bool(code)
    assert "contract: shape and type" in (tmp_path / "check.csv").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ["--block", "none"],
        ["--block", "sse"],
        ["--block", "se(ratio=0)"],
        ["--placement", "nowhere"],
        ["--encoder", "resnet19"],
        ["--encoder-weights", "imagenett"],
        ["--size", "65"],
        ["--encoder", "vgg11"],
    ],
)
def test_a_wrong_input_is_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--block", "se", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_block_that_never_ends_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "endless_check.py").write_text(
        "from torch import nn\n"
        "class Endless(nn.Module):\n"
        "    def __init__(self, channels): super().__init__()\n"
        "    def forward(self, x):\n"
        "        while True: pass\n"
    )
    monkeypatch.delitem(sys.modules, "endless_check", raising=False)
    monkeypatch.setattr("ablations.check.contract_findings.OWN_SECONDS", 0.2)
    findings = contract_findings([Trial("endless_check:Endless", C, SIZE, "fast")])
    assert any_broken(findings)
    assert "took more than 0.2 s" in findings[0].advice
