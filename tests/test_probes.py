"""Probes ask for what a pixel cannot see: nothing near a digit tells its state."""

import colorsys
import itertools
from collections import defaultdict
from collections.abc import Iterable
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from ablations.bare_models import create_bare
from ablations.cli import main
from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules.data import (
    create_data,
    digits_cue,
    digits_fine,
    digits_local,
    digits_lookup,
    find_dataset,
)
from lightning_modules.data.data_source import VOID, SplitName
from lightning_modules.data.digits import SCENES, glyph, handwriting
from lightning_modules.data.probe import Probe
from lightning_modules.data.probe_scenes import (
    DIGIT_CELL,
    GAP,
    INK,
    SIGN_CELL,
    SMALLEST,
    DrawScene,
    cached,
    generator,
    handwritten,
    layout,
)

SIGN_CLASSES = (1, 2)
CUE = digits_cue.PROBE
SPLITS: list[SplitName] = ["train", "val", "test"]
Bytes = NDArray[np.uint8]


def probe_network(classes: int) -> nn.Module:
    """The network of the study files, without a block."""
    torch.manual_seed(0)
    return create_bare("linknet(encoder_depth=2)", "tu-test_resnet", classes)


def large_network(classes: int) -> nn.Module:
    torch.manual_seed(0)
    return create_bare("unet(encoder_depth=5)", "tu-test_resnet", classes)


def seen(network: nn.Module, image: Tensor, pixels: Tensor) -> Tensor:
    """Which pixels (H, W) of an image (3, H, W) the logits at some pixels depend on."""
    image = image.double().requires_grad_()
    logits = network.eval().double()(image[None])[0]  # (classes, H, W)
    weights = torch.rand_like(logits)  # so that no two gradients cancel
    (gradient,) = torch.autograd.grad((logits * weights)[:, pixels].sum(), image)
    return gradient.abs().sum(0) != 0


def reach(network: nn.Module, side: int) -> int:
    """The largest distance, in rows or columns, at which a pixel depends on another."""
    for weight in network.parameters():
        weight.data = weight.data.abs() + 0.01  # so that no rectifier hides a path
    farthest = 0
    for row in range(side // 2, side // 2 + 8):
        pixel = torch.zeros(side, side, dtype=torch.bool)
        pixel[row, row] = True
        image = torch.rand(3, side, side, generator=torch.Generator().manual_seed(row))
        places = seen(network, image, pixel).nonzero() - row  # (pixels, 2)
        farthest = max(farthest, int(places.abs().max()))
    return farthest


def gap_of(labels: Bytes) -> int:
    """Empty rows or columns between the signs and the digits of a scene, void included."""
    signs = np.isin(labels, SIGN_CLASSES)
    digits = (labels != 0) & (labels != VOID) & ~signs
    gaps = []
    for axis in (0, 1):
        first, second = (
            np.flatnonzero(mask.any(axis=1 - axis)) for mask in (signs, digits)
        )
        gaps += [second.min() - first.max() - 1, first.min() - second.max() - 1]
    return int(max(gaps))


def scenes(
    split: SplitName, count: int, draw: DrawScene = digits_cue.scene
) -> list[tuple[Bytes, Bytes]]:
    return [cached(draw, split, index, SMALLEST) for index in range(count)]


# The information that a confusion matrix shows.


def test_information_counts_the_state_where_the_shape_is_right() -> None:
    confusion = torch.zeros(7, 7, dtype=torch.long)
    confusion[3, 3], confusion[3, 4] = 50, 7  # a two: 50 right, 7 in the wrong state
    confusion[6, 6], confusion[6, 5] = 30, 3  # a four: 30 right, 3 wrong
    confusion[3, 5], confusion[4, 0], confusion[1, 2] = 1000, 1000, 1000  # not the shape
    assert CUE.information(confusion) == pytest.approx(2 * 80 / 90 - 1)


@pytest.mark.parametrize(("right", "wrong", "expected"), [(5, 0, 1), (5, 5, 0), (0, 5, -1)])
def test_information_is_1_for_every_state_and_0_for_a_guess(
    right: int, wrong: int, expected: float
) -> None:
    confusion = torch.zeros(7, 7, dtype=torch.long)
    confusion[5, 5], confusion[5, 6] = right, wrong
    assert CUE.information(confusion) == expected


def test_nothing_recognised_is_no_information() -> None:
    assert CUE.information(torch.eye(7, dtype=torch.long) * 0) == 0


def test_the_ceiling_without_information_is_that_of_a_coin() -> None:
    """Derived slowly: every digit is found, and a coin decides its state."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randint(2, (200_000,), generator=generator)
    guesses = torch.randint(2, (200_000,), generator=generator)
    ious = [
        int(((states == state) & (guesses == state)).sum())
        / int(((states == state) | (guesses == state)).sum())
        for state in (0, 1)
    ]
    assert sum(ious) / 2 == pytest.approx(CUE.ceiling_without, abs=0.005)


@pytest.mark.parametrize("name", ["digits_cue", "digits_lookup"])
def test_states_are_classes_of_the_same_shape(name: str) -> None:
    source = find_dataset(name)
    assert isinstance(source.probe, Probe)
    for states in source.probe.states:
        names = [source.classes[state].split(" by ") for state in states]
        assert {shape for shape, _ in names} == {names[0][0]}
        assert [state for _, state in names] == ["zero", "one"]


# What the network of the probes sees.


def test_the_network_sees_no_farther_than_the_gap() -> None:
    """Between two pixels with that many pixels between them the distance is one more."""
    assert reach(probe_network(7), side=56) == 21 <= GAP


@pytest.mark.parametrize(("cell", "digits"), [(SIGN_CELL, (0, 1)), (DIGIT_CELL, (2, 4))])
def test_the_ink_of_a_glyph_ends_where_the_layout_expects(
    cell: float, digits: tuple[int, ...]
) -> None:
    random, centre = np.random.default_rng(0), np.array([20.0, 20.0])
    for split, digit, _ in itertools.product(SPLITS, digits, range(60)):
        coverage = handwritten(random, split, digit, centre, cell, 40)
        inked = np.argwhere(coverage > 1 / 255)  # less does not change a byte
        assert abs(inked + 0.5 - centre).max() + 0.5 <= INK[cell]


@pytest.mark.parametrize("size", [SMALLEST, 57, 128])
def test_the_layout_leaves_the_gap(size: int) -> None:
    for seed in range(300):
        signs, digits = map(np.array, layout(np.random.default_rng(seed), size))
        axis = int(abs(signs.mean(axis=0) - digits.mean(axis=0)).argmax())
        apart = abs(signs[:, None, axis] - digits[None, :, axis]).min()
        assert apart - sum(INK.values()) >= GAP


@pytest.mark.parametrize(
    "split", ["val", pytest.param("train", marks=pytest.mark.slow), "test"]
)
def test_between_the_labels_is_more_than_the_gap(split: SplitName) -> None:
    assert min(gap_of(labels) for _, labels in scenes(split, SCENES[split])) > GAP


def test_no_digit_pixel_depends_on_a_sign_unless_the_network_is_large() -> None:
    for image, labels in scenes("val", 5):
        pixels = torch.from_numpy(labels)
        digits = (pixels > 2) & (pixels != VOID)
        signs = torch.isin(pixels, torch.tensor(SIGN_CLASSES))
        padded = nn.functional.pad(torch.from_numpy(image), (0, 12, 0, 12))  # 64 x 64
        for network, depends in ((probe_network(7), False), (large_network(7), True)):
            wide = nn.functional.pad(digits, (0, 12, 0, 12))
            near = seen(network, padded / 255, wide)[:SMALLEST, :SMALLEST]
            assert bool((near & signs).any()) == depends


# What could leak.


def parts(draw: DrawScene) -> tuple[NDArray[np.float64], NDArray[np.float64], Bytes]:
    """The parts of scenes beside the signs and with the signs; the state of most digits.

    All are turned to one side and a quarter as fine: (scenes, features), values in [0, 1].
    """
    near, far, states = [], [], []
    for image, labels in scenes("train", 1000, draw):
        signs = np.isin(labels, SIGN_CLASSES)
        offset = np.argwhere(signs).mean(axis=0) - SMALLEST / 2
        axis = int(abs(offset).argmax())
        turned = np.moveaxis(image, 1 + axis, 1) / 255
        turned = turned[:, ::-1] if offset[axis] > 0 else turned  # signs in the first rows
        coarse = turned.reshape(3, SMALLEST // 4, 4, SMALLEST // 4, 4).mean(axis=(2, 4))
        far.append(coarse[:, :4].flatten())
        near.append(coarse[:, 4:].flatten())
        states.append(state_of_most(labels))
    return np.array(near), np.array(far), np.array(states)


def state_of_most(labels: Bytes) -> bool:
    zero, one = (np.isin(labels, (3 + state, 5 + state)).sum() for state in (0, 1))
    return bool(one > zero)


def accuracy(features: NDArray[np.float64], states: Bytes) -> float:
    """Of a logistic regression, on scenes that it was not fitted to."""
    fitted = 700
    centred = features - features[:fitted].mean(axis=0)
    model = LogisticRegression(C=0.1, max_iter=2000).fit(centred[:fitted], states[:fitted])
    return float(model.score(centred[fitted:], states[fitted:]))


def by_chance(guesses: int) -> float:
    """How far from 1/2 the share of right guesses may be: 3.5 standard deviations."""
    return float(3.5 * np.sqrt(0.25 / guesses))


@pytest.mark.parametrize("draw", [digits_cue.scene, digits_lookup.scene])
def test_without_the_signs_a_scene_does_not_tell_the_state(draw: DrawScene) -> None:
    near, far, states = parts(draw)
    assert abs(accuracy(near, states) - 0.5) < by_chance(300)
    assert accuracy(far, states) > 0.6  # with the signs, it is able to


def test_around_a_sign_without_its_ink_nothing_tells_its_state() -> None:
    rings, states = [], []
    inside = np.zeros((17, 17), bool)
    inside[2:15, 2:15] = True
    for index in range(400):
        image, labels = cached(digits_cue.scene, "train", index, SMALLEST)
        random = generator("train", index)
        state = int(random.integers(2))
        assert state == int((labels == SIGN_CLASSES[1]).any())
        padded = np.pad(image, ((0, 0), (8, 8), (8, 8))) / 255
        for row, column in np.array(layout(random, SMALLEST).signs).astype(int):
            ring = padded[:, row : row + 17, column : column + 17] * ~inside
            rings.append(ring[:, ~inside].flatten())
            states.append(state)
    assert abs(accuracy(np.array(rings), np.array(states)) - 0.5) < by_chance(150)


def test_a_sign_has_no_faint_square() -> None:
    """Without subtraction, a glyph of this size is faint where its sample is empty."""
    centre, cell = np.array([20.0, 23.0]), np.array([1, 1]) / 41
    for index in range(30):
        random = np.random.default_rng(index)
        coverage = handwritten(random, "train", index % 2, centre, 1.0, 41)
        inside = np.zeros((41, 41), bool)
        inside[14:26, 17:29] = True
        assert (coverage[~inside] < 1 / 255).all()
        assert coverage.max() > 0.9
    plain = glyph(np.random.default_rng(0), handwriting()[0][0], centre / 41, cell, 41)
    assert plain[0, 0] == pytest.approx(0.05)


# The scenes.


def test_all_signs_of_a_scene_agree_and_decide_the_digits() -> None:
    states = []
    for _, labels in scenes("val", 50):
        present = set(np.unique(labels).tolist()) - {0, VOID}
        state = 1 if 2 in present else 0
        assert present - {3, 4, 5, 6} == {1 + state}
        assert present & {3, 4, 5, 6} <= {3 + state, 5 + state}
        states.append(state)
    assert 15 < sum(states) < 35


def test_a_scene_has_four_signs_and_three_digits() -> None:
    for _, labels in scenes("train", 40):
        signs = np.isin(labels, SIGN_CLASSES)
        digits = (labels > 2) & (labels != VOID)
        centres = [
            ndimage.label(ndimage.binary_dilation(mask))[1] for mask in (signs, digits)
        ]
        assert centres == [4, 3]


def test_a_digit_has_the_state_of_the_sign_with_its_hue() -> None:
    for image, labels in scenes("val", 40, digits_lookup.scene):
        signs, digits = (
            objects(image, labels, kind) for kind in (SIGN_CLASSES, range(3, 7))
        )
        assert len(signs) >= 4  # a thin sign may be in two pieces
        assert len(digits) >= 3
        for label, hue in digits:
            sign, _ = min(signs, key=lambda sign: abs(hue - sign[1]))
            assert (label - 3) % 2 == sign - 1


def objects(image: Bytes, labels: Bytes, kind: Iterable[int]) -> list[tuple[int, complex]]:
    """Label and mean hue, a point of the unit circle, of each object of a kind."""
    spots, count = ndimage.label(ndimage.binary_dilation(np.isin(labels, list(kind))))
    found = []
    for number in range(1, count + 1):
        spot = (spots == number) & np.isin(labels, list(kind))
        red, green, blue = image[:, spot].mean(axis=1)
        hue = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)[0]
        found.append((int(labels[spot][0]), np.exp(2j * np.pi * hue)))
    return found


@pytest.mark.parametrize("source", [digits_cue, digits_lookup])
def test_who_only_counts_the_signs_has_the_stated_information(source: ModuleType) -> None:
    """The best guess from the signs' labels, in any order: that of most digit pixels."""
    pixels: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0])
    for _, labels in scenes("train", 600, source.scene):
        present = tuple(sorted(set(labels[np.isin(labels, SIGN_CLASSES)].tolist())))
        for state in (0, 1):
            pixels[present][state] += int(np.isin(labels, (3 + state, 5 + state)).sum())
    right = sum(max(counts) for counts in pixels.values())
    accuracy = right / sum(map(sum, pixels.values()))
    expected = source.PROBE.pooled_information
    assert 2 * accuracy - 1 == pytest.approx(expected, abs=0.08)


def test_thin_strokes_are_thin() -> None:
    """Three strokes side by side are rare; most pixels have a neighbour without ink."""
    for _, labels in scenes("val", 20, digits_fine.scene):
        assert VOID not in labels
        inked = labels != 0
        thick = ndimage.binary_erosion(inked, np.ones((3, 3)))
        assert inked.sum() > 60
        assert thick.sum() < 0.02 * inked.sum()


def test_the_control_shows_the_same_images_without_states() -> None:
    for index in range(5):
        image, labels = digits_cue.scene("test", index, 57)
        same, shapes = digits_local.scene("test", index, 57)
        assert np.array_equal(image, same)
        names = np.array(digits_cue.CLASSES)[np.where(labels == VOID, 0, labels)]
        without = [name.partition(" by ")[0] for name in names.flatten()]
        named = np.array(digits_local.CLASSES)[np.where(shapes == VOID, 0, shapes)]
        assert named.flatten().tolist() == without
        assert np.array_equal(shapes == VOID, labels == VOID)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("digits_cue", "ea4aa8d4"),
        ("digits_local", "0ab0bfec"),
        ("digits_lookup", "11af904a"),
        ("digits_fine", "70f4acbf"),
    ],
)
def test_scenes_are_these_and_no_others(name: str, digest: str) -> None:
    """Pinned: changed scenes make old records incomparable and need a new VERSION."""
    split = find_dataset(name).open("train", 64, None)
    assert split.fingerprint == f"{name} 1 train {digest}"


def config(dataset: str, size: int = SMALLEST) -> RunConfig:
    return RunConfig(dataset=dataset, image_size=size, val_images=5)


@pytest.mark.parametrize(
    "name", ["digits_local", "digits_cue", "digits_lookup", "digits_fine"]
)
def test_a_canvas_without_room_for_the_gap_is_refused(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=f"{name}: a canvas of 51 pixels .* at least 52"):
        create_data(config(name, SMALLEST - 1))
    assert main(["data", "show", name, "--size", "51"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_augmentation_moves_nothing() -> None:
    data = create_data(config("digits_cue"))
    images, labels = next(iter(data.train_dataloader()))
    plain, same = next(
        iter(create_data(config("digits_cue").changed(augment=False)).train_dataloader())
    )
    assert torch.equal(labels, same)
    assert not torch.equal(images, plain)
