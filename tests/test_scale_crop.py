"""Random crops: image and labels stay together, and mmsegmentation's rules hold."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.tv_tensors import Image, Mask

from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules.data import create_data
from lightning_modules.data.augmentations import find_augmentation
from lightning_modules.data.data_source import VOID, Sample
from lightning_modules.data.digits import digits
from lightning_modules.data.scale_crop import (
    REDRAWS,
    ScaleCrop,
    Scales,
    cut,
    draw_window,
    is_mixed,
)

COLOUR = [11, 7, 99]
H, W, SIZE = 61, 83, 40


def crop(options: str, sample: Sample, size: int = SIZE, seed: int = 0) -> Sample:
    fill = {Image: COLOUR, Mask: VOID}
    augment = find_augmentation(f"scale_crop({options})")(digits(), size, fill)
    torch.manual_seed(seed)
    image, labels = augment(sample)
    assert image.shape == (3, size, size)
    assert labels.shape == (size, size)
    assert image.dtype == labels.dtype == torch.uint8
    return image, labels


def ramp() -> Sample:
    """The value of a pixel is its column, in image and labels alike."""
    columns = torch.arange(W, dtype=torch.uint8).expand(H, W)
    return Image(columns.expand(3, H, W).clone()), Mask(columns.clone())


@pytest.mark.parametrize(("smallest", "largest"), [(0.4, 0.4), (0.5, 2.0), (3.0, 3.0)])
def test_labels_lie_exactly_on_the_image(smallest: float, largest: float) -> None:
    """Neither rounds more than half a pixel, and neither is shifted."""
    for seed in range(10):
        options = f"smallest={smallest}, largest={largest}"
        image, labels = crop(options, ramp(), seed=seed)
        inside = labels != VOID
        shift = image[0][inside].double() - labels[inside].double()
        assert shift.abs().max() <= 1 + 0.5 / smallest
        assert abs(shift.mean().item()) < 0.1


def test_beyond_the_edge_is_void_on_the_colour_given() -> None:
    image, labels = crop("smallest=0.25, largest=0.25", ramp())
    height, width = round(H / 4), round(W / 4)  # the whole image, in a quarter of its size
    assert (labels[:height, :width] != VOID).all()
    outside = torch.ones(SIZE, SIZE, dtype=torch.bool)
    outside[:height, :width] = False
    assert (labels[outside] == VOID).all()
    assert (image[:, outside] == torch.tensor(COLOUR)[:, None]).all()


def test_colours_are_distorted_in_the_image_alone() -> None:
    image, labels = ramp()
    image[1], image[2] = 200 - image[1], 90
    options = "smallest=0.4, largest=0.4, flip=0.0"
    plain, expected = crop(options, (image, labels))
    changed = 0
    for seed in range(16):
        distorted, same = crop(f"{options}, distort=True", (image, labels), seed=seed)
        assert torch.equal(same, expected)
        outside = same == VOID
        assert (distorted[:, outside] == torch.tensor(COLOUR)[:, None]).all()
        changed += int(not torch.equal(distorted, plain))
    assert changed >= 12  # 15 of 16 on average


def test_flip_is_how_often_an_image_is_mirrored() -> None:
    for flip, mirrored in ((0.0, {False}), (0.5, {False, True}), (1.0, {True})):
        found = set()
        for seed in range(12):
            options = f"smallest=1.0, largest=1.0, flip={flip}"
            image, labels = crop(options, ramp(), seed=seed)
            found.add(bool(labels[0, 0] > labels[0, -1]))
            assert torch.equal(image[0].as_subclass(Tensor), labels.as_subclass(Tensor))
        assert found == mirrored


def test_every_scale_is_equally_likely() -> None:
    torch.manual_seed(0)
    stored = torch.tensor([Scales(0.5, 2.0, None).draw(H, W) for _ in range(4000)])
    assert 0.5 <= stored.min() < 0.51
    assert 1.99 < stored.max() <= 2
    assert abs(stored.mean() - 1.25) < 4 * (1.5 / 12**0.5) / 4000**0.5
    torch.manual_seed(0)
    resized = torch.tensor([Scales(0.5, 2.0, 512).draw(375, 500) for _ in range(4000)])
    torch.testing.assert_close(resized, stored * 512 / 375)


@pytest.mark.parametrize("factor", [0.5, 0.77, 1.0, 1.9])
def test_the_scale_of_a_crop_is_the_one_drawn(factor: float) -> None:
    """A crop of S columns shows S / factor columns of the image."""
    _, labels = crop(f"smallest={factor}, largest={factor}, flip=0.0", ramp())
    shown = labels[0][labels[0] != VOID].double()
    slope = (shown[-1] - shown[0]) / (len(shown) - 1)
    assert slope.item() == pytest.approx(1 / factor, rel=0.06)


def test_a_window_is_mixed_as_by_the_rule_spelled_out() -> None:
    random = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        shares = random.dirichlet([0.4] * 4)
        labels = random.choice([0, 5, 20, VOID], size=(7, 9), p=shares)
        found, counts = np.unique(labels[labels != VOID], return_counts=True)
        expected = len(found) > 1 and bool(counts.max() / counts.sum() < 0.75)
        assert is_mixed(torch.from_numpy(labels), 0.75) == expected
        seen.add(expected)
    assert seen == {False, True}
    assert not is_mixed(torch.tensor([[1, 1, 1, 2]]), 0.75)  # 75 % is too much
    assert not is_mixed(torch.full((3, 3), VOID), 0.75)


def test_a_window_is_drawn_again_up_to_ten_times() -> None:
    labels = torch.zeros(H, W, dtype=torch.uint8)
    labels[:12, :12] = 3  # a window of 9 x 9 seldom shows both
    fill = {Image: COLOUR, Mask: VOID}
    crops = ScaleCrop(9, Scales(1, 1, None), 0.75, 0.5, False, fill)
    redraws = set()
    for seed in range(60):
        torch.manual_seed(seed)
        drawn = [draw_window(labels, 9) for _ in range(REDRAWS + 1)]
        mixed = [is_mixed(cut(labels, window), 0.75) for window in drawn[:REDRAWS]]
        chosen = mixed.index(True) if True in mixed else REDRAWS
        torch.manual_seed(seed)
        assert crops.find_window(labels, 9) == drawn[chosen]
        redraws.add(chosen)
    assert REDRAWS in redraws
    assert len(redraws) > 2


def test_windows_reach_every_edge() -> None:
    torch.manual_seed(0)
    drawn = [draw_window(torch.zeros(11, 5), 9) for _ in range(200)]
    assert {window.top for window in drawn} == {0, 1, 2}
    assert {window[1:] for window in drawn} == {(0, 9, 5)}


def test_a_pixel_fills_a_crop_and_vanishes_in_none() -> None:
    one = (
        Image(torch.full((3, 1, 1), 50, dtype=torch.uint8)),
        Mask(torch.full((1, 1), 4, dtype=torch.uint8)),
    )
    _, labels = crop("smallest=100.0, largest=100.0", one)
    assert (labels == 4).all()
    _, labels = crop("smallest=0.001, largest=0.001", one)
    assert (labels == 4).sum() == 1


def test_batches_depend_on_seed_and_draw_alone() -> None:
    config = RunConfig(
        image_size=40, train_images=3, val_images=3, batch_size=4, max_steps=3,
        augmentation="scale_crop(most_of_one_class=0.75, distort=True)",
    )  # fmt: skip
    whole = [images for images, _ in create_data(config).train_dataloader()]
    again = create_data(config, workers=1)
    again.first_step = 1
    for resumed, images in zip(again.train_dataloader(), whole[1:], strict=True):
        assert torch.equal(resumed[0], images)
    crops = {image.numpy().tobytes() for images in whole for image in images}
    assert len(crops) == 12  # three images, each four times
    [other, *_] = create_data(config.changed(seed=1)).train_dataloader()
    assert not torch.equal(other[0], whole[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scale_crop(smallest=0.0)", "smallest = 0.0: Input should be greater than 0"),
        ("scale_crop(smallest=3.0)", "smallest = 3 is more than largest = 2"),
        ("scale_crop(flip=1.5)", "flip = 1.5: Input should be less than or equal to 1"),
        ("scale_crop(shorter_side=0)", "shorter_side = 0: Input should be greater"),
        ("scale_crop(most_of_one_class=2)", "most_of_one_class = 2: Input should be less"),
        ("scale_crop(scale=1)", "unknown option 'scale'"),
        ("dataset(flip=1)", "takes no options, so not flip = 1"),
        ("scalecrop", "unknown augmentation 'scalecrop'; did you mean 'scale_crop'?"),
    ],
)
def test_a_wrong_option_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        find_augmentation(text)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
