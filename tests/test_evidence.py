"""Evidence is where a network's decision comes from: nowhere far without a block."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ablations.cli import main
from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules import data
from lightning_modules.data import create_data, digits_cue
from lightning_modules.data.probe import Probe
from lightning_modules.evidence import batch_of, evidence, far_share, gradients, margin
from lightning_modules.evidence_picture import draw_evidence, shades
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule
from sweeps.verbs.show_evidence import chosen_runs
from tests.test_scored_split import EXECUTION, SCORED, tiny_probe

DEMO = Path(__file__).parents[1] / "sweeps" / "demo.yaml"
CUE = RunConfig(
    dataset="digits_cue",
    model="linknet(encoder_depth=2)",
    encoder="tu-test_resnet",
    placement="last_feature",
    image_size=52,
    val_images=2,
    augment=False,
)


def test_the_margin_is_the_true_state_minus_the_other_at_digits() -> None:
    probe = Probe(states=((1, 2), (4, 3)), pooled_information=0)
    labels = torch.tensor([[0, 1, 2], [3, 4, 255]])
    logits = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    expected = (
        (logits[1, 0, 1] - logits[2, 0, 1])
        + (logits[2, 0, 2] - logits[1, 0, 2])
        + (logits[3, 1, 0] - logits[4, 1, 0])
        + (logits[4, 1, 1] - logits[3, 1, 1])
    )
    torch.testing.assert_close(margin(logits, labels, probe), expected)


def test_far_is_beyond_the_gap_from_every_digit() -> None:
    pixels = torch.rand(57, 61, generator=torch.Generator().manual_seed(0))
    digits = torch.zeros(57, 61, dtype=torch.bool)
    digits[3, 5] = digits[30, 60] = True
    total = sum(
        pixels[y, x].item()
        for y in range(57)
        for x in range(61)
        if all(max(abs(y - b), abs(x - a)) > 21 for b, a in ((3, 5), (30, 60)))
    )
    assert far_share(pixels, digits) == pytest.approx(total / pixels.sum().item(), rel=1e-5)


def gradients_of(block: str) -> tuple[Tensor, Tensor, Tensor]:
    """Of an untrained network whose block is not the identity."""
    source = create_data(CUE.changed(block=block))
    torch.manual_seed(0)
    module = SegmentationModule(CUE.changed(block=block), source.classes).eval()
    for name, parameter in module.named_parameters():
        if "attention" in name:
            nn.init.normal_(parameter)
    image, labels = batch_of(source, 1)
    predicted, pixels, positions = gradients(module, digits_cue.PROBE, image, labels)
    digits = torch.isin(labels[0], torch.tensor(digits_cue.PROBE.states))
    return torch.tensor(far_share(pixels, digits)), predicted, positions


def test_only_a_network_with_a_global_path_has_evidence_from_afar() -> None:
    far, predicted, positions = gradients_of("none")
    assert far == 0
    assert predicted.shape == (52, 52)
    assert positions.shape == (13, 13)
    assert (positions == 0).any()
    far, _, positions = gradients_of("gc")
    assert far > 0
    assert (positions > 0).all()  # before the block


def test_the_network_is_that_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(data.DATASETS, "tiny_probe", tiny_probe)
    for config in (SCORED, SCORED.changed(score_on="val", block="se", seed=1)):
        record = train(config, tmp_path, EXECUTION)
        found = evidence(config, 2)
        assert found.information == record.information
        assert found.information != 0
    with pytest.raises(InputError, match="scene 5: the last one is 4"):
        evidence(config, 5)


def test_the_picture_has_a_column_for_each_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(data.DATASETS, "tiny_probe", tiny_probe)
    configs = [SCORED, SCORED.changed(block="se")]
    path = draw_evidence(configs, 1, tmp_path / "new" / "evidence")
    assert path == tmp_path / "new" / "evidence.png"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_what_has_no_gradient_is_black_and_zero_everywhere_is_no_error() -> None:
    pixels = shades(torch.tensor([[0.0, 1.0], [0.5, 0.0]]))
    assert pixels[0, 0].max() < 0.02
    assert pixels[0, 1].min() > 0.7
    assert shades(torch.zeros(2, 3)).max() < 0.02


def test_runs_are_chosen_by_block_and_seed() -> None:
    configs = [RunConfig(block=b, seed=s) for s in (3, 1) for b in ("none", "se")]
    chosen = chosen_runs(configs, ["se", "none"], None)
    assert [(config.block, config.seed) for config in chosen] == [("se", 3), ("none", 3)]
    assert [config.seed for config in chosen_runs(configs, None, 1)] == [1, 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--block", "da"], "block 'da': the study has none, se, gc"),
        (["--seed", "9"], "seed 9: the study has no run with it"),
        (["--scene", "400"], "scene 400: the last one is 399"),
    ],
)
def test_what_the_study_lacks_is_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show-evidence", str(DEMO), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_data_set_that_is_no_probe_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smoke = DEMO.with_name("smoke.yaml")
    assert main(["show-evidence", str(smoke), "--out", str(tmp_path / "x.png")]) == 2
    assert "data set 'digits' is no probe" in capsys.readouterr().err


def test_the_committed_picture_is_small() -> None:
    generated = DEMO.parents[1] / "reports" / "generated"
    assert (generated / "demo" / "evidence.png").stat().st_size < 150_000
