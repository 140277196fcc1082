"""A part with options has one notation, and each mistake in it is one line."""

from pathlib import Path

import pytest

from ablations.cli import main
from ablations.errors import InputError
from ablations.notation import Part, file_name, parse_part
from ablations.run_config import RunConfig
from sweeps.study.sweep_file import load_study


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("se", Part("se", None, {})),
        ("se()", Part("se", None, {})),
        (" se ( ratio = 4 , ) ", Part("se", None, {"ratio": 4})),
        ("a.b:C(x=-1.5, y='p, q)')", Part("a.b:C", None, {"x": -1.5, "y": "p, q)"})),
        ('m(x=[1, (2, 3)], y="(")', Part("m", None, {"x": [1, [2, 3]], "y": "("})),
        ("m(x={'b': None, 'a': {}})", Part("m", None, {"x": {"a": {}, "b": None}})),
        ("m(x='it\\'s')", Part("m", None, {"x": "it's"})),
        ("m(se(ratio=4), n=2)", Part("m", Part("se", None, {"ratio": 4}), {"n": 2})),
    ],
)  # fmt: skip
def test_a_part_is_a_name_an_inner_part_and_options(text: str, part: Part) -> None:
    assert parse_part(text) == part
    assert parse_part(str(part)) == part


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("se(", r"does not end with '\)'"),
        ("ea(heads=8", r"does not end with '\)'; in a YAML list, quote a part"),
        ("x=1)", "'x=1\\)' is not a name; in a YAML list, quote a part"),
        ("se(ratio=4)x", r"does not end with '\)'"),
        ("(ratio=4)", r"has no name before '\('"),
        ("se((ratio=4)", "unmatched bracket or quote"),
        ("se(ratio='4)", "unmatched bracket or quote"),
        ("se(ratio=4, ratio=8)", "option ratio is given twice"),
        ("se(ratio=4, 8)", "'8' is not an option, such as ratio=4"),
        ("se(ratio=4,, x=1)", "'' is not an option, such as ratio=4"),
        ("se(2x=4)", "'2x' is not the name of an option"),
        ("se(for=4)", "'for' is not the name of an option"),
        ("se(=4)", "'' is not the name of an option"),
        ("se(ratio=)", "ratio = '' is not a literal"),
        ("se(ratio=four)", "'four' is not a literal.*write ratio='four' if it is a text"),
        ("se(x=true)", "'true' is not a literal.*write True"),
        ("se(x=null)", "'null' is not a literal.*write None"),
        ("se(x=2**9)", "is not a literal"),
        ("se(x=__import__('os'))", "is not a literal"),
        ("se(x=1e999)", "is not a literal"),
        ("se(x={1: 2})", "is not a literal"),
        ("se(x={1, 2})", "is not a literal"),
        ("se(x=b'a')", "is not a literal"),
        ("se(x=1j)", "is not a literal"),
        ("se(x=f'{1}')", "is not a literal"),
        pytest.param("m(x=" + "[" * 21 + "]" * 21 + ")", "more than 20 levels", id="lists"),
        pytest.param("m(" * 330 + ")" * 330, "more than 20 levels", id="parts"),
        pytest.param("x" * 1001, "is longer than 1,000 characters", id="long"),
    ],
)
def test_a_mistake_is_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        parse_part(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("block", "se", "se(ratio=16)"),
        ("block", "se(ratio=4)", " se( ratio = 4, )"),
        ("block", "ea(heads=8)", "ea(heads=8)"),
        ("block", "a:B(x=1, y=[2])", "a:B( y=(2,),x=1 )"),
        ("model", "unet", "unet(encoder_depth=5, decoder_channels=(256, 128, 64, 32, 16))"),
        ("model", "fpn(decoder_dropout=0.0)", "fpn(decoder_dropout=0)"),
        ("model", "deeplabv3plus", "deeplabv3plus(decoder_atrous_rates=[12, 24, 36])"),
        ("model", "paper_simple_baseline", "paper_simple_baseline(upsampling=4)"),
        ("encoder", "tu-resnet18(drop_path_rate=0.0)", "tu-resnet18(drop_path_rate=0)"),
        ("dataset", "digits", "digits()"),
    ],
)
def test_equal_parts_are_one_run(kind: str, one: str, other: str) -> None:
    first, second = (RunConfig.model_validate({kind: text}) for text in (one, other))
    assert getattr(second, kind) == one
    assert first == second
    assert first.run_id == second.run_id


@pytest.mark.parametrize("text", ["se(ratio=8)", "se(ratio=True)", "se(depth=16)"])
def test_other_options_are_other_runs_and_stay_readable(text: str) -> None:
    """Also options that no block has: a record names what it names."""
    config = RunConfig(block=text)
    assert config.block == text
    assert config.run_id != RunConfig(block="se").run_id
    assert RunConfig.parse(config.model_dump()) == config


def test_an_inner_block_has_one_spelling_too() -> None:
    config = RunConfig(block="around(se( ratio=16 ))")
    assert config.block == "around(se)"


def test_two_cells_that_differ_in_spelling_are_the_same_run(tmp_path: Path) -> None:
    sweep = tmp_path / "s.yaml"
    sweep.write_text(
        "method: grid\nparameters: {block: {values: [none, se, se(ratio=16)]}}\n"
    )
    with pytest.raises(InputError, match="cells 2 and 3 are the same run"):
        load_study(sweep)


def test_a_list_that_yaml_splits_is_told_to_quote(tmp_path: Path) -> None:
    sweep = tmp_path / "s.yaml"
    sweep.write_text(
        "method: grid\nparameters: {block: {values: [none, ea(heads=8, x=1)]}}\n"
    )
    with pytest.raises(InputError, match=r"'ea\(heads=8': .*quote a part"):
        load_study(sweep)
    sweep.write_text(sweep.read_text().replace("ea(heads=8, x=1)", '"ea(heads=8, x=1)"'))
    assert [run.config.block for run in load_study(sweep).runs()] == [
        "none",
        "ea(heads=8, x=1)",
    ]


def test_a_user_s_block_with_options_is_named_in_a_sweep(tmp_path: Path) -> None:
    sweep = tmp_path / "s.yaml"
    blocks = '[none, "my_file:MyBlock(groups=8)"]'
    sweep.write_text(f"method: grid\nparameters: {{block: {{values: {blocks}}}}}\n")
    assert len(list(load_study(sweep).runs())) == 2
    sweep.write_text(sweep.read_text().replace("MyBlock", "my-block"))
    with pytest.raises(InputError, match="'my-block' is not a Python name"):
        load_study(sweep)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cost", "--block", "se(ratio=4"], "does not end with ')'"),
        (["cost", "--block", "se(rati=4)"], "did you mean 'ratio'? (known: ratio)"),
        (["cost", "--block", "se(ratio='4')"], "should be a valid integer"),
        (["cost", "--block", "se(ratio=0)"], "cannot be reduced by 0"),
        (["cost", "--block", "da(ratio=4)"], "takes no options, so not ratio = 4"),
        (["cost", "--block", "se(gc)"], "'gc' is not an option"),
        (["train", "--model", "unet(classes=2)"], "the data set decides the classes"),
        (["train", "--encoder", "resnet18(depth=3)"], "smp's own encoders take no options"),
        (["train", "--dataset", "digits(x=1)"], "data set 'digits(x=1)': takes no options"),
        (["data", "show", "digits(x='../y')"], "takes no options"),
    ],
)
def test_the_command_line_names_the_option(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(tmp_path)] if arguments[0] == "train" else []
    try:
        code: object = main([*arguments, *runs])
    except SystemExit as refused:
        code = refused.code
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 2
    assert message in error


def test_a_part_in_a_file_s_name_is_plain() -> None:
    assert file_name("voc(list='../../a b')") == "voc_list_a_b_"
    assert Path(file_name("../x")).name == file_name("../x")
