"""A data set of the user's own code: the example of the guide, and broken promises."""

from pathlib import Path

import pytest

from ablations import read_records
from ablations.cli import main
from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules.data import create_data, find_dataset

GUIDE = Path(__file__).parents[1] / "lightning_modules" / "README.md"
MODEL = ["--model", "fpn", "--encoder", "tu-test_resnet", "--image-size", "32"]


def example() -> str:
    """The data set in the guide."""
    section = GUIDE.read_text("utf-8").partition("## Your own data set in Python")[2]
    return section.partition("```python\n")[2].partition("```")[0]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(here: Path, name: str, change: tuple[str, str]) -> None:
    old, new = change
    assert old in example()
    (here / f"{name}.py").write_text(example().replace(old, new))


def test_the_example_of_the_guide_trains_and_passes_the_check(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "own_squares.py").write_text(example())
    name = "own_squares:squares(ground=40)"
    train = ["--val-images", "4", "--batch-size", "4", "--max-steps", "2"]
    assert main(["train", "--dataset", name, *MODEL, *train]) == 0
    [record] = read_records(Path("runs/single"))
    assert record.config.dataset == name
    assert record.config.source.startswith("dataset=")
    assert record.data == "squares 1 train 40, squares 1 val 40"
    assert main(["data", "check", name]) == 0
    assert "no problems found" in capsys.readouterr().out
    assert main(["data", "show", name, "--count", "2", "--out", "sheet.png"]) == 0
    assert (here / "sheet.png").exists()


BROKEN = {
    "returns_none": ("    return DataSource(", "    DataSource(", "returns NoneType"),
    "one_class": ('("ground", "square")', '("ground",)', "must be 2 to 255 different"),
    "a_list": ('("ground", "square")', '["a", "b"]', "must be a tuple of names"),
    "no_function": ("open=lambda split, size, folder: Squares(split, ground)", "open=3",
                    "open = 3: must be a function"),
    "raises": ("    return DataSource(", "    1 / 0\n    return DataSource(",
               r"ZeroDivisionError.*\(raises\.py, line"),
    "raises_late": ("return 100", "return 1 / 0", "train: ZeroDivisionError"),
    "is_empty": ("        return 100", "        return 0", "train: has no images"),
    "has_no_fingerprint": ("self.fingerprint", "self.other", "no attribute 'fingerprint'"),
    "wide_labels": ("(64, 80, dtype=torch.uint8)", "(64, 80, dtype=torch.int64)",
                    r"image 0: image has the type Image of torch.int64; promised"),
    "plain_tensor": ("Mask(labels)", "labels",
                     r"labels has the type Tensor of torch.uint8;"),
    "grey": ("Image(pixels +", "Image(pixels[:1] +",
             r"shapes \(1, 64, 80\) and \(64, 80\); promised are \(3, H, W\)"),
    "label_2": ("column + 20] = 1", "column + 20] = 2",
                r"image 0: label 2 in 400 pixels; promised are 0 to 1, and 255 for void"),
    "not_square": (", v2.CenterCrop(size)]", "]",
                   r"prepare: .*shape \(3, 32, 40\); promised is \(3, 32, 32\)"),
    "augment_raises": ("v2.RandomCrop(size,", "v2.RandomCrop(-size,", "train, augment: "),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_one_line(name: str, here: Path) -> None:
    *change, message = BROKEN[name]
    written(here, name, (change[0], change[1]))
    config = RunConfig(dataset=f"{name}:squares", image_size=32, batch_size=2, max_steps=1)
    with pytest.raises(InputError, match=message) as raised:
        create_data(config)
    assert f"{name}:squares'" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_image_that_breaks_its_promise_later_is_named(here: Path) -> None:
    written(here, "late", ("column + 20] = 1", "column + 20] = 1 + (index == 3)"))
    config = RunConfig(dataset="late:squares", image_size=32, batch_size=2, max_steps=99)
    data = create_data(config, workers=1)
    with pytest.raises(InputError, match=r"'late:squares', val, image 3: label 2 in 400"):
        list(data.val_dataloader())


def test_an_error_of_a_user_s_file_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(here, "odd", ("FIRST =", "FIRST ="))
    for name, message in (
        ("odd:circles", "odd has no 'circles' (it has: torch, v2, Image, Mask, DataSource"),
        ("nowhere:squares", "cannot be imported: ModuleNotFoundError"),
        ("odd:squares(size=3)", "unknown option 'size'"),
        ("odd:squares(ground='x')", "ground = 'x': "),
        ("od d:squares", "'od d' is not a Python name; write a data set of your own as"),
    ):
        assert main(["train", "--dataset", name, *MODEL]) == 2
        assert message in capsys.readouterr().err


def test_a_class_can_be_a_data_set_that_asks_for_the_data_folder(here: Path) -> None:
    text = example() + (
        "\n\nclass Mine:\n"
        "    def __new__(cls, data_folder=None, ground: int = 3):\n"
        "        return squares(ground)._replace(label=str(data_folder))\n"
    )
    (here / "classy.py").write_text(text)
    assert find_dataset("classy:Mine(ground=4)", Path("there")).label == "there"
    assert find_dataset("classy:Mine").label == "None"
