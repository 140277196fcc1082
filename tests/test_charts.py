"""The interactive chart is valid Vega-Lite, shows every run, and holds names as data."""

import json
import re
from typing import Any

import pytest
import vl_convert

from ablations.run_config import RunConfig
from reports.chart_axes import BELOW
from reports.charts import cost_chart
from tests.plotted import FORTY, compared, drawn_at_random

VERSION = "6.4"
HOSTILE = "my_file:Own(text='</script><img src=x onerror=alert(1)>')"


def chosen(spec: dict[str, Any], **choices: object) -> dict[str, Any]:
    """The chart after choices in its menus, in a size of its own."""
    params = [
        param | {"value": choices.get(param["name"], param["value"])}
        for param in spec["params"]
    ]
    return spec | {"params": params, "width": 500}


def svg(spec: dict[str, Any]) -> str:
    return str(vl_convert.vegalite_to_svg(spec, vl_version=VERSION))


def test_the_specification_is_valid(capfd: pytest.CaptureFixture[str]) -> None:
    spec = cost_chart([drawn_at_random(FORTY[:9])]).spec
    json.dumps(spec, allow_nan=False)
    compiled = vl_convert.vegalite_to_vega(spec, vl_version=VERSION, show_warnings=True)
    assert {"blocks", "runs"} <= {data["name"] for data in compiled["data"]}
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize("choices", [{}, {"measure": "miou", "cost": "params"}])
def test_every_run_has_a_dot_that_leads_to_it(choices: dict[str, str]) -> None:
    comparison = drawn_at_random(FORTY[:4], seeds=3)
    text = svg(chosen(cost_chart([comparison]).spec, **choices))
    links = re.findall(r'href="[^"]*#run-([^"]+)"', text)
    assert sorted(links) == sorted(run.config.run_id for run in comparison.records)


def test_rows_hold_points_percent_and_added_costs() -> None:
    mious = {"none": [0.4, 0.42], "se": [0.41, 0.45]}
    spec = cost_chart([compared(mious, {"se": 50})]).spec
    base, block = spec["datasets"]["blocks"]
    assert (base["gain"], base["gain_low"], base["macs"]) == (0, None, 0)
    assert (block["gain"], block["miou"], block["macs"]) == pytest.approx((2, 43, 50))
    half = 12.7062 * 2**0.5 / 2**0.5  # t with one degree of freedom; the gains are 1 and 3
    assert block["gain_low"] == pytest.approx(2 - half, abs=1e-3)
    gains = [run["gain"] for run in spec["datasets"]["runs"]]
    assert gains == pytest.approx([0, 0, 1, 3])
    assert spec["datasets"]["runs"][3]["run"] == RunConfig(block="se", seed=1).run_id


def test_menus_offer_settings_and_blocks_only_if_there_are_several() -> None:
    mious = {"none": [0.4, 0.42], "se": [0.41, 0.45]}
    one = compared(mious, placement="decoder")
    other = compared(mious | {"gc": [0.5, 0.5]}, placement="residual")
    menus = {param["name"]: param for param in cost_chart([one, other]).spec["params"]}
    assert menus["setting"]["bind"]["labels"] == ["decoder", "residual"]
    assert menus["block"]["bind"]["labels"] == ["all", "Baseline", "SE", "GC"]
    alone = {param["name"]: param for param in cost_chart([one]).spec["params"]}
    assert "bind" not in alone["setting"]
    second = svg(chosen(cost_chart([one, other]).spec, setting=1, block=2))
    assert len(re.findall(r'href="[^"]*#run-', second)) == 6  # of the second setting only
    assert ">GC<" in second


def test_blocks_without_a_cost_are_named() -> None:
    mious = {"none": [0.4], "se": [0.5], "gc": [0.45]}
    spec = cost_chart([compared(mious, {"se": None, "gc": 7})]).spec
    assert "Cost unknown, so not drawn: SE<" in svg(chosen(spec))
    assert "not drawn" not in svg(chosen(spec, cost="params"))
    assert BELOW["expr"] in json.dumps(spec)


def test_names_are_data_and_never_in_an_expression() -> None:
    comparison = drawn_at_random(["none", HOSTILE])
    spec = cost_chart([comparison]).spec
    data = spec.pop("datasets")
    assert "onerror" in json.dumps(data)
    menus = [param.pop("bind", {}) for param in spec["params"]]
    assert "onerror" in json.dumps(menus)
    assert "onerror" not in json.dumps(spec)


def test_the_data_of_a_run_are_small() -> None:
    spec = cost_chart([drawn_at_random(FORTY[:5], seeds=40)]).spec
    runs = json.dumps(spec["datasets"]["runs"], separators=(",", ":"))
    assert len(runs) / 200 < 150  # bytes: 1.5 MB for 10,000 runs
