"""Settings, rows and columns are in the order of registries and numbers."""

import random
from typing import Any

import pytest

from ablations import catalogue
from ablations.attention import BLOCKS
from ablations.placements import PLACEMENTS
from ablations.run_config import RunConfig
from reports.comparison import comparisons
from reports.order import natural, rank
from tests.test_records import record

ORDERS: dict[str, list[Any]] = {  # each list is in order
    "lr": [None, 1e-05, 0.002, 0.01, 1.0, 3, 1e9],
    "ema": [None, 0.9, 0.99],
    "augment": [False, True],
    "block": [
        "none",
        "se",
        "se(ratio=4)",
        "identity(se(ratio=4))",
        "se(ratio=16)",
        "gc",
        "psa_sequential",
        "note_spatial",
        "timm:eca",
        "matched_params(",
        "my_file:B2",
        "my_file:B10",
        "my_file:B10(gain=-1)",
        "my_file:B10(gain=1e-05, other=[1, 10])",
        "my_file:B10(gain=0.25, other=[2, 3])",
        "my_file:B10(gain=0.25, other=[10, 3])",
        "my_file:B10(gain=0.5)",
    ],
    "placement": [
        "residual",
        "residual@3",
        "residual@3-4",
        "residual@10",
        "residual@every2",
        "stages",
        "stages@4-5+decoder",
        "my_file:places",
        "residual@@",
    ],
    "model": [
        "unet",
        "unet(decoder_channels=[32, 16])",
        "unet(decoder_channels=[256, 128])",
        "deeplabv3plus",
        "my_file:Model",
    ],
    "encoder": [
        "efficientnet-b7",
        "resnet18",
        "resnet34",
        "resnet101",
        "tu-resnet18.a1_in1k",
        "tu-resnet18.a2_in1k",
    ],
    "dataset": ["digits", "digits_cue", "voc2012", "my_file:A", "my_file:b"],
    "freeze": ["none", "encoder_bn", "encoder"],
    "precision": ["32-true", "bf16-mixed", "16-mixed"],
    "encoder_weights": [None, "", "file:w9.pth", "file:w010.pth", "file:w10.pth", "x"],
    "loss": ["cross_entropy", "cross_entropy+zzz", "(((", "zzz"],
}


@pytest.mark.parametrize("key", ORDERS)
def test_values_are_in_the_order_of_registries_and_numbers(key: str) -> None:
    expected = ORDERS[key]
    for seed in range(5):
        shuffled = random.Random(seed).sample(expected, len(expected))
        assert sorted(shuffled, key=lambda value: rank(key, value)) == expected


@pytest.mark.parametrize(("key", "names"), [("block", BLOCKS), ("placement", PLACEMENTS)])
def test_a_registry_is_its_own_order(key: str, names: dict[str, object]) -> None:
    assert sorted(sorted(names), key=lambda name: rank(key, name)) == list(names)


def test_data_sets_models_and_losses_are_in_the_order_of_lists() -> None:
    for key in ("dataset", "model", "loss", "augmentation", "protocol"):
        names = list(catalogue.NAMES[key]())
        assert sorted(sorted(names), key=lambda name: rank(key, name)) == names


def test_text_of_any_length_and_script_has_a_place() -> None:
    texts = ["9" * 5000, "1" * 5001, "²", "\u0663", "x\ny", "((((", "a" * 3000, "-1", "+"]
    for key in RunConfig.model_fields:
        assert sorted(texts, key=lambda text: rank(key, text))
    assert natural("9" * 5000) < natural("1" * 5001)


def test_settings_are_in_the_order_of_data_sets_and_not_of_letters() -> None:
    names = ["voc2012", "my_file:a", "digits_local", "digits", "digits_cue"]
    records = [record(RunConfig(dataset=name)) for name in names]
    assert [one.setting["dataset"] for one in comparisons(records)] == [
        "digits", "digits_local", "digits_cue", "voc2012", "my_file:a",
    ]  # fmt: skip
