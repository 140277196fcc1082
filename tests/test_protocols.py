"""A protocol fills in the keys that a run does not set, and names itself."""

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from ablations.bare_models import create_bare
from ablations.cli import main
from ablations.errors import InputError
from ablations.models import check_training, network_of
from ablations.protocols import PROTOCOLS
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from lightning_modules.data import count_classes
from reports.section import describe
from tests.fake_data import fake_trainaug
from tests.test_readme import GUIDES, rows

SMALL: dict[str, object] = {
    "model": "fpn",
    "encoder": "tu-test_resnet",
    "encoder_weights": None,
    "image_size": 32,
    "augmentation": "dataset",
    "inference": "dataset",
    "auxiliary_loss": 0.0,
    "batch_size": 2,
    "max_steps": 20,
    "validations": 1,
}


def flags(values: dict[str, object]) -> list[str]:
    return [
        text
        for key, value in values.items()
        for text in (f"--{key.replace('_', '-')}", "none" if value is None else str(value))
    ]


def only_record(folder: Path) -> RunRecord:
    [path] = folder.rglob("record.json")
    return RunRecord.read(path)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_run_has_the_protocol_s_values_and_defaults_otherwise(name: str) -> None:
    protocol = PROTOCOLS[name]
    config, usual = RunConfig(protocol=name), RunConfig()
    assert config.dataset == protocol.dataset
    for key in RunConfig.model_fields:
        if key not in {"protocol", "dataset", "model", "augmentation"}:
            assert getattr(config, key) == protocol.values.get(key, getattr(usual, key)), (
                key
            )


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_network_of_a_protocol_can_be_trained(name: str) -> None:
    config = RunConfig(protocol=name, block="se")
    check_training(network_of(config, count_classes(config.dataset)))


def test_values_are_those_of_the_sources() -> None:
    """Read in the files that each protocol names."""
    expected = {
        "psa-voc": (513, 16, 30_000, 0.01, 1e-4, 0.0),
        "mmseg-voc": (512, 4 * 4, 40_000, 0.01, 5e-4, 0.4),
        "mmseg-cityscapes": (768, 4 * 2, 80_000, 0.01, 5e-4, 0.4),
        "mmseg-ade": (512, 4 * 4, 160_000, 0.01, 5e-4, 0.4),
    }
    for name, numbers in expected.items():
        config = RunConfig(protocol=name)
        assert numbers == (
            config.image_size,
            config.batch_size,
            config.max_steps,
            config.lr,
            config.weight_decay,
            config.auxiliary_loss,
        )


def test_the_network_of_mmseg_is_dilated_as_the_source_s() -> None:
    """ResNet-50-D8 with contract_dilation: the first block keeps the dilation before it."""
    config = RunConfig(protocol="mmseg-voc")
    encoder: Any = create_bare(config.model, config.encoder, 21).encoder
    stages = [getattr(encoder.model, f"layer{number}") for number in (1, 2, 3, 4)]
    dilations = [[block.conv2.dilation[0] for block in stage] for stage in stages]
    assert dilations == [[1] * 3, [1] * 4, [1] + [2] * 5, [2, 4, 4]]


def test_the_encoder_s_batch_norms_of_psa_voc_have_the_source_s_momentum() -> None:
    """utils.set_bn_momentum(model.backbone, momentum=0.01) in main.py."""
    config = RunConfig(protocol="psa-voc")
    encoder: Any = create_bare(config.model, config.encoder, 21).encoder
    norms = [part for part in encoder.modules() if isinstance(part, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.01}


def test_every_key_can_be_overridden_and_spelled_out() -> None:
    short = RunConfig(protocol="mmseg-ade", lr=0.02, max_steps=20)
    assert (short.lr, short.max_steps, short.momentum) == (0.02, 20, 0.9)
    spelled_out = RunConfig.parse(short.model_dump())
    assert spelled_out == short
    assert spelled_out.run_id == short.run_id
    without = RunConfig.parse(short.model_dump() | {"protocol": None})
    assert without.run_id != short.run_id


def test_a_changed_copy_keeps_what_was_overridden() -> None:
    config = RunConfig(protocol="mmseg-ade", lr=0.02).changed(block="se", seed=3)
    assert (config.protocol, config.lr, config.batch_size) == ("mmseg-ade", 0.02, 16)
    with pytest.raises(InputError, match="is about ade20k, but dataset = 'digits'"):
        config.changed(dataset="digits")
    with pytest.raises(InputError, match="is about cityscapes, but dataset = 'ade20k'"):
        config.changed(protocol="mmseg-cityscapes")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"protocol": "mmseg-ade", "dataset": "digits"},
            "protocol 'mmseg-ade' is about ade20k, but dataset = 'digits'; leave one of "
            "the two out",
        ),
        (
            {"cell": {"protocol": "psa-voc", "dataset": "ade20k"}},
            "protocol 'psa-voc' is about voc2012(train='trainaug'), but dataset = "
            "'ade20k'; leave one of the two out",
        ),
        (
            {"protocol": "mmseg"},
            "unknown protocol 'mmseg'; did you mean 'mmseg-voc'? (known: psa-voc, "
            "mmseg-voc, mmseg-cityscapes, mmseg-ade)",
        ),
        (
            {"protocol": ["psa-voc"]},
            "unknown protocol ['psa-voc'] (known: psa-voc, mmseg-voc, mmseg-cityscapes, "
            "mmseg-ade)",
        ),
        (
            {"protocol": "mmseg-ade", "dataset": 3},
            "dataset = 3: Input should be a valid string; put it in quotes if YAML does "
            "not read it as text",
        ),
        (
            {"protocol": "psa-voc", "freeze": "encoder"},
            "encoder_lr_factor = 0.1: with freeze = 'encoder' there is nothing to train; "
            "write 1.0",
        ),
    ],
)
def test_what_contradicts_a_protocol_is_refused_in_one_line(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as raised:
        RunConfig.parse(values, "run.yaml")
    assert str(raised.value) == f"run.yaml: {message}"


def test_the_same_data_set_in_another_spelling_is_no_contradiction() -> None:
    config = RunConfig(protocol="mmseg-ade", dataset=" ade20k( )")
    assert config == RunConfig(protocol="mmseg-ade")


def test_a_protocol_trains_with_what_flags_and_files_override(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_trainaug(tmp_path)
    lines = ["protocol: mmseg-voc", "lr: 0.5", "max_steps: 3"]
    (tmp_path / "run.yaml").write_text("\n".join(lines))
    paths = ["--runs", str(tmp_path / "runs"), "--data-folder", str(tmp_path)]
    config = ["--config", str(tmp_path / "run.yaml"), "--accelerator", "cpu"]
    command = ["train", *config, *flags(SMALL), "--lr", "0.02", *paths]
    assert main(command) == 0
    record = only_record(tmp_path)
    expected = RunConfig.parse(SMALL | {"protocol": "mmseg-voc", "lr": 0.02})
    assert record.config == expected
    assert (record.config.optimizer, record.config.max_steps) == ("sgd", 20)
    assert record.data.startswith("voc2012 trainaug 2 ")
    assert main(command) == 0  # it has a record
    assert len(list(tmp_path.rglob("record.json"))) == 1


def test_a_sweep_file_names_a_protocol_as_a_value_or_in_a_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_trainaug(tmp_path)
    small = "\n".join(
        f"  {key}: {{value: {'null' if value is None else value}}}"
        for key, value in SMALL.items()
    )
    head = f"name: voc\nmethod: grid\nparameters:\n{small}\n"
    path, options = tmp_path / "voc.yaml", ["--data-folder", str(tmp_path), "--dry-run"]
    for protocol in (
        "  protocol: {value: mmseg-voc}\n  block: {values: [none, se]}\n",
        "  cell:\n    values:\n      - {protocol: mmseg-voc, block: none}\n"
        "      - {protocol: mmseg-voc, block: se}\n",
    ):
        path.write_text(head + protocol)
        command = ["sweep", str(path), "--runs", str(tmp_path / "runs"), *options]
        assert main([*command, "--accelerator", "cpu"]) == 0
        output = capsys.readouterr().out
        for block in ("none", "se"):
            config = RunConfig.parse(SMALL | {"protocol": "mmseg-voc", "block": block})
            assert f"{config.run_id} " in output
    path.write_text(head + "  protocol: {value: mmseg-voc}\n  dataset: {value: digits}\n")
    assert main([*command, "--accelerator", "cpu"]) == 2
    error = capsys.readouterr().err
    assert "protocol 'mmseg-voc' is about voc2012(train='trainaug')" in error
    assert error.count("\n") == 1


def test_a_setting_names_its_protocol_and_what_departs_from_it() -> None:
    config = RunConfig(protocol="mmseg-ade", max_steps=20, batch_size=16)
    keys = ("dataset", "model", "encoder", "placement", "protocol", "max_steps", "lr",
            "batch_size", "image_size", "weight_decay")  # fmt: skip
    text = describe({key: getattr(config, key) for key in keys})
    assert text == (
        "ade20k, deeplabv3plus(decoder_channels=512, encoder_output_stride=8), "
        "tu-resnet50c, residual, protocol mmseg-ade, max_steps 20"
    )


def test_protocols_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "protocols"]) == 0
    output = capsys.readouterr().out
    for name, protocol in PROTOCOLS.items():
        assert f"{name} " in output
        assert protocol.meaning in output


def test_the_guide_lists_what_the_protocols_are() -> None:
    header = "| protocol | data set | network | crop, batch, steps | scored |"
    table = rows(GUIDES["lightning_modules/README.md"], header)[1:]
    assert [row[0] for row in table] == [f"`{name}`" for name in PROTOCOLS]
    for row, (name, protocol) in zip(table, PROTOCOLS.items(), strict=True):
        config = RunConfig(protocol=name)
        numbers = (config.image_size, config.batch_size, config.max_steps)
        assert row[1] == f"`{protocol.dataset}`"
        assert row[3] == ", ".join(f"{number:,}" for number in numbers)
