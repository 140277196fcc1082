"""What `ablate predict` writes is what the network sees, whatever the images are."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from numpy.typing import NDArray

from ablations.cli import main
from lightning_modules.inference import Inference
from lightning_modules.overlays import LEAST_SIDE, colours_of_classes, entries, share_text
from lightning_modules.weights import load_run
from tests.test_weights import BLUE_FIRST, CLASSES, SMALL, kept

SIZES = {"wide": (33, 97), "tall": (70, 41), "even": (64, 32)}  # height, width


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(SMALL, tmp_path_factory.mktemp("runs"))[0]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number, (name, size) in enumerate(SIZES.items()):
        PIL.Image.fromarray(noise(size, number)).save(folder / f"{name}.png")
    (folder / "notes.txt").write_text("not an image")
    return folder


def noise(size: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    draw = np.random.default_rng(seed)
    return draw.integers(0, 256, (*size, 3), dtype=np.uint8)


def opened(path: Path) -> PIL.Image.Image:
    with PIL.Image.open(path) as picture:
        return picture.copy()


def predict(run: Path, *words: object) -> int:
    return main(["predict", str(run), *map(str, words), "--accelerator", "cpu"])


def expected(run: Path, pixels: NDArray[np.uint8]) -> torch.Tensor:
    """Probabilities (classes, H, W), with the normalisation spelled out."""
    scaled = (pixels / 255 - BLUE_FIRST.mean) / BLUE_FIRST.std  # (H, W, 3)
    blue_first = torch.from_numpy(scaled[:, :, ::-1].astype(np.float32).copy())
    whole = Inference.of(SMALL.changed(inference="whole"))
    with torch.no_grad():
        logits = whole.logits(load_run(run).model, blue_first.permute(2, 0, 1)[None])
    shares: torch.Tensor = logits[0].softmax(dim=0)
    return shares


def test_masks_and_probabilities_are_those_of_the_network(
    run: Path, images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"
    assert predict(run, images, "--out", out, "--probabilities", "--no-overlay") == 0
    for number, (name, size) in enumerate(SIZES.items()):
        shares = expected(run, noise(size, number))
        with np.load(out / f"{name}-probabilities.npz") as written:
            assert written["classes"].tolist() == list(CLASSES)
            assert written["probabilities"].dtype == np.float16
            assert np.allclose(written["probabilities"], shares, atol=1e-3)
            clear = np.ptp(np.sort(written["probabilities"], axis=0)[-2:], axis=0) > 0.01
        labels = np.array(opened(out / f"{name}-mask.png"))
        assert labels.shape == size
        assert clear.mean() > 0.5
        assert (labels == shares.argmax(dim=0).numpy())[clear].all()
    assert len(list(out.iterdir())) == 6


def test_a_mask_is_a_palette_image_of_the_classes_colours(
    run: Path, images: Path, tmp_path: Path
) -> None:
    predict(run, images / "tall.png", "--out", tmp_path)
    mask = opened(tmp_path / "tall-mask.png")
    assert mask.mode == "P"
    colours = colours_of_classes(len(CLASSES))
    assert mask.getpalette() == colours.flatten().tolist()
    assert (np.array(mask.convert("RGB")) == colours[np.array(mask)]).all()


def test_an_overlay_shows_the_image_and_names_its_classes(
    run: Path, images: Path, tmp_path: Path
) -> None:
    predict(run, images / "wide.png", "--out", tmp_path)
    sheet = opened(tmp_path / "wide-overlay.png")
    factor = LEAST_SIDE // 97
    assert sheet.width == factor * 97
    assert sheet.height > factor * 33  # the legend
    labels = np.array(opened(tmp_path / "wide-mask.png"))
    blend = 0.45 * noise((33, 97), 0) + 0.55 * colours_of_classes(3)[labels]
    shown = np.array(sheet)[: factor * 33 : factor, ::factor].astype(float)
    assert np.abs(shown - blend).max() <= 0.51


def test_a_legend_lists_the_classes_of_the_mask_by_their_share() -> None:
    labels = np.array([[2] * 7 + [0] * 3, [2] * 10], np.uint8)
    names = [text for text, _ in entries(labels, CLASSES, colours_of_classes(3))]
    assert names == ["car 85 %", "sky 15 %"]
    assert [share_text(share) for share in (0.004, 0.006, 1)] == ["< 1 %", "1 %", "100 %"]


def test_a_bad_image_is_named_and_the_others_are_predicted(
    run: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (images / "tall.png").read_bytes()
    (images / "torn.png").write_bytes(whole[: len(whole) // 2])
    (images / "blank.jpg").write_bytes(b"")
    assert predict(run, images, "--out", tmp_path / "out") == 1
    printed = capsys.readouterr()
    blank, torn = printed.err.splitlines()
    assert blank == f"ablate: {images / 'blank.jpg'}: is empty"
    assert torn.startswith(f"ablate: {images / 'torn.png'}: cannot be read (")
    assert printed.out == f"3 of 5 images  {tmp_path / 'out'}\n"
    assert {path.name for path in (tmp_path / "out").glob("*-mask.png")} == {
        f"{name}-mask.png" for name in SIZES
    }


def test_images_that_no_network_can_take_are_named_with_their_size(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = SMALL.changed(block="tests.test_own_blocks:OneSize", placement="last_feature")
    one_size = kept(config, tmp_path / "runs")[0]
    assert predict(one_size, images / "tall.png", "--out", tmp_path / "out") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "tall.png: 41x70 pixels: AssertionError: made for 8x8" in line


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16", "CMYK"])
def test_an_image_may_have_any_colours(run: Path, tmp_path: Path, mode: str) -> None:
    path = tmp_path / f"picture.{'tif' if mode == 'CMYK' else 'png'}"
    if mode == "I;16":
        PIL.Image.fromarray(np.full((33, 35), 999, np.uint16)).save(path)
    else:
        PIL.Image.fromarray(noise((33, 35), 0)).convert(mode).save(path)
    assert predict(run, path, "--out", tmp_path / "out") == 0
    assert opened(tmp_path / "out" / "picture-mask.png").size == (35, 33)


def test_two_images_are_never_written_to_one_file(
    run: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "wide.png").write_bytes((images / "wide.png").read_bytes())
    assert predict(run, images, other, "--out", tmp_path / "out") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"{images / 'wide.png'} and {other / 'wide.png'} would both be written" in line
    assert not (tmp_path / "out").exists()
    assert predict(run, images / "wide.png", images, "--out", tmp_path / "out") == 0


def test_an_input_is_never_overwritten(
    run: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (images / "wide.png").rename(images / "tall-mask.png")
    before = (images / "tall-mask.png").read_bytes()
    assert predict(run, images, "--out", images) == 2
    assert "is an input and would be overwritten" in capsys.readouterr().err
    assert (images / "tall-mask.png").read_bytes() == before


def test_what_is_missing_is_named(
    run: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for words, message in [
        ((images / "x.png", "--out", tmp_path / "out"), "x.png: no such file or folder"),
        ((tmp_path / "empty", "--out", tmp_path / "out"), "no image in this folder"),
        ((images, "--out", tmp_path / "file"), "file: cannot be written (File exists)"),
    ]:
        assert predict(run, *words) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert message in line
    assert predict(tmp_path / "empty", images, "--out", tmp_path / "out") == 2
    assert "no weights.safetensors in it" in capsys.readouterr().err
