"""A convention weighs counts; the counters agree, or the report says why not."""

from pathlib import Path

import pytest
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.attention.base import AttentionBlock, ClosedForm
from ablations.bare_models import BareModel
from ablations.cli import main
from ablations.complexity.audit import audit, whole_costs_the_sum
from ablations.complexity.conventions import CONVENTIONS
from ablations.complexity.subjects import (
    BlockCounts,
    ModelCounts,
    Setting,
    counts_of_blocks,
    counts_of_models,
)
from ablations.encoders import SMP_MODELS
from reports.cost_notes import agreement
from reports.cost_tables import survey

C, H, W = 32, 6, 9


class Doubled(nn.Module):
    """A transposed convolution, a norm and a matrix product; the shape stays the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, channels, 2, 2, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        large: Tensor = self.norm(self.up(x))[..., ::2, ::2]  # (B, C, H, W)
        rows = large.flatten(2)  # (B, C, N)
        return (rows @ rows.transpose(1, 2) @ rows).reshape(x.shape)


class Hidden(nn.Module):
    """A convolution whose output nothing reads."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.unused = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        self.unused(x)
        return 2 * x


class Wrong(AttentionBlock):
    """A block whose closed form is wrong."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, 1)

    def direct(self, x: Tensor) -> Tensor:
        mixed: Tensor = 2 * self.mix(x)
        return mixed

    def closed_form(self, height: int, width: int) -> ClosedForm:
        return ClosedForm(0, 1)


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("macs", 4 * C * C * H * W + 2 * C * C * H * W),
        ("torch", 2 * (4 * C * C * H * W + 2 * C * C * H * W)),
        ("fvcore", 4 * C * C * H * W + 2 * C * C * H * W + 2 * C * 4 * H * W),
        ("thop", 4 * C * C * H * W + 2 * C * 4 * H * W),
        ("hrnet", 4 * C * C * (2 * H) * (2 * W)),  # counted at the output's resolution
        ("closed_form", 4 * C * C * H * W),  # it has no closed form: by its layers
    ],
)
def test_conventions_differ_in_what_they_see(name: str, total: int) -> None:
    counts = BlockCounts(f"{__name__}:Doubled", "direct", C, (H, W))
    assert CONVENTIONS[name].total(counts) == total


def test_a_figure_is_in_the_giga_of_its_convention() -> None:
    counts = BlockCounts("non_local", "direct", C, (H, W))
    assert CONVENTIONS["macs"].figure(counts) == (counts.macs or 0) / 10**9
    assert CONVENTIONS["hrnet"].figure(counts) == counts.layer_macs_at_output / 1024**3


def test_every_counter_agrees_on_every_block() -> None:
    result = audit(counts_of_blocks(list(BLOCKS), C, (H, W)))
    assert result.unexplained == []
    assert agreement(result) == (
        "Counters: fvcore, torch.utils.flop_counter and closed form agree on "
        f"{2 * len(BLOCKS)} of {2 * len(BLOCKS)} counts."
    )


@pytest.mark.parametrize(
    "encoder", ["resnet18", pytest.param("mobilenet_v2", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("model", SMP_MODELS)
def test_counters_agree_on_models_or_the_gap_is_explained(model: str, encoder: str) -> None:
    setting = Setting(BareModel(model, encoder, 21), "last_feature", (128, 128))
    assert audit(counts_of_models(["psa_parallel"], setting)).unexplained == []


def test_layers_that_nothing_reads_explain_a_gap() -> None:
    """smp's MobileNetV2 runs its last stages though pspnet reads only the first three."""
    setting = Setting(BareModel("pspnet", "mobilenet_v2", 21), "stages", (64, 64))
    result = audit([ModelCounts("none", "direct", setting)])
    assert (result.unread, result.unexplained) == (1, [])
    assert "nothing reads their output" in agreement(result)
    read = setting._replace(bare=setting.bare._replace(encoder="resnet18"))
    assert audit([ModelCounts("none", "direct", read)]).unread == 0


def test_a_gap_without_explanation_names_the_operators() -> None:
    counts = BlockCounts(f"{__name__}:Wrong", "direct", C, (H, W))
    [problem] = audit([counts]).unexplained
    macs = f"{C * C * H * W:,}"
    assert f"fvcore {macs}, torch {macs}, closed form 1" in problem
    assert "operators without a count in fvcore: aten::mul" in problem


def test_a_layer_that_nothing_reads_in_a_block_explains_a_gap() -> None:
    counts = BlockCounts(f"{__name__}:Hidden", "direct", C, (H, W))
    assert (counts.macs, counts.meta_macs) == (0, C * C * H * W)
    result = audit([counts])
    assert (result.unread, result.unexplained) == (1, [])


def test_a_survey_says_what_does_not_fit() -> None:
    settings = [Setting(BareModel("fpn", "mobilenet_v2", 21), "stages", (64, 64))]
    [(table, counts)] = survey(["se", "gc"], settings, CONVENTIONS["macs"])
    problems = table.set_index("block")["problem"]
    assert "24 channels cannot be reduced by 16" in problems["se"]
    assert problems[["none", "gc"]].isna().all()
    added = dict(zip(table["block"], table["added_direct"].tolist(), strict=True))
    assert added["gc"] > 0
    assert [one.block for one in counts] == ["none", "none", "gc", "gc"]


@pytest.mark.parametrize("placement", ["residual", "decoder"])
def test_a_whole_model_costs_the_sum_of_its_parts(placement: str) -> None:
    setting = Setting(BareModel("deeplabv3plus", "resnet18", 16), placement, (64, 96))
    assert whole_costs_the_sum(ModelCounts("gc", "fast", setting))


def test_a_table_names_its_convention_and_its_counters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["cost", "--channels", "32", "--size", "6x9", "--out", str(tmp_path)]
    assert main([*arguments, "--block", "gc", "--block", "cbam"]) == 0
    page = " ".join(capsys.readouterr().out.split())  # lines are as wide as the terminal
    assert "MACs: multiply-adds of convolutions" in page
    assert "agree on 4 of 4 counts" in page
    assert "a + b N + c N^2" in page
    assert main([*arguments, "--convention", "torch"]) == 0
    assert "FLOPs as published (M)" in capsys.readouterr().out
    caption = r"\caption{One image, on 32 channels of 6x9. FLOPs: two for each multiply-add"
    assert caption in (tmp_path / "cost.tex").read_text()


def test_an_unknown_convention_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--convention", "thop2"]) == 2
    assert "did you mean 'thop'?" in capsys.readouterr().err


def test_a_survey_is_written_and_a_sample_of_it_counted_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ["--model", "fpn", "--encoder", "resnet18", "--encoder", "mobilenet_v2"]
    arguments = ["cost", *models, "--block", "gc", "--size", "128", "--out", str(tmp_path)]
    assert main([*arguments, "--placement", "stages"]) == 0
    page = capsys.readouterr().out
    assert "counted whole at 128x128: equal" in page
    assert (tmp_path / "cost-all.md").read_text().count("| fpn ") == 4
