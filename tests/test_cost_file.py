"""The cost of a run, as the table that is sent to W&B with its record."""

from pathlib import Path

from ablations.run_config import RunConfig
from lightning_modules.cost_table import write_cost
from tests.test_records import record

CONFIG = RunConfig(
    block="se", model="fpn", encoder="resnet18", placement="stages", image_size=64
)


def squeeze_and_excitation(channels: int) -> int:
    """Parameters, which equal the multiply-adds: both layers run on one position."""
    return 2 * channels * (channels // 16)


def test_every_site_of_the_block_has_a_row_and_the_network_has_one(tmp_path: Path) -> None:
    write_cost(record(CONFIG), tmp_path / "cost.csv")
    costs = {channels: squeeze_and_excitation(channels) for channels in (64, 128, 256, 512)}
    rows = [
        f"encoder.attention.{index},{channels}.0,{2.0**index},{cost},{cost}\n"
        for index, (channels, cost) in enumerate(costs.items(), start=2)
    ]
    assert (tmp_path / "cost.csv").read_text() == "".join(
        ["path,channels,stride,params,macs\n", *rows, "(whole network),,,10,100\n"]
    )


def test_a_cost_without_a_count_says_why(tmp_path: Path) -> None:
    bare = CONFIG.model_copy(update={"block": "none"})
    uncounted = {"macs": None, "not_counted": "aten::mv, aten::vdot"}
    write_cost(record(bare).model_copy(update=uncounted), tmp_path / "cost.csv")
    assert (tmp_path / "cost.csv").read_text() == (
        "path,channels,stride,params,macs\n"
        '(whole network),,,10,"not counted: aten::mv, aten::vdot"\n'
    )
