"""A network is applied to images of any size, and no pixel is lost, moved or made up."""

import pytest
import torch
from torch import Tensor, nn
from torchvision.tv_tensors import Image, Mask

from ablations.bare_models import BareModel, create_bare
from ablations.encoders import MODELS
from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules.data.data_source import VOID
from lightning_modules.data.digits import digits
from lightning_modules.data.preparation import MiddleCrop, scored_part
from lightning_modules.inference import Inference, side_step, slide, window_starts

WINDOW = 32
SIZES = [(1, 1), (1, 40), (31, 33), (32, 32), (45, 100), (97, 64)]


def pixelwise(images: Tensor) -> Tensor:
    """A 1x1 convolution with whole numbers, so that sums of logits are exact."""
    weights = torch.tensor([[1, -2, 3], [0, 5, -1], [2, 2, -7], [4, 0, 1]])
    return torch.einsum("kc,bchw->bkhw", weights.float(), images)


def drawn(height: int, width: int, batch: int = 2) -> Tensor:
    random = torch.Generator().manual_seed(height * 1000 + width)
    return torch.randint(-8, 9, (batch, 3, height, width), generator=random).float()


def inference(way: str, views: str = "none", model: str = "linknet") -> Inference:
    return Inference.of(
        RunConfig.parse(
            {
                "inference": way,
                "test_augmentation": views,
                "model": model,
                "encoder": "tu-test_resnet",
                "image_size": WINDOW,
                "batch_size": 3,
            }
        )
    )


@pytest.mark.parametrize("way", ["dataset", "center_crop", "whole", "slide"])
@pytest.mark.parametrize("size", SIZES)
def test_a_network_of_single_pixels_says_the_same_in_every_way(
    way: str, size: tuple[int, int]
) -> None:
    images = drawn(*size)
    assert torch.equal(inference(way).logits(pixelwise, images), pixelwise(images))


@pytest.mark.parametrize("size", SIZES)
def test_windows_are_of_the_trained_size_and_visit_every_pixel(
    size: tuple[int, int],
) -> None:
    """The logits at a pixel are the mean over its windows, spelled out."""
    calls: list[Tensor] = []

    def network(images: Tensor) -> Tensor:
        calls.append(images)
        return images.sum(dim=(1, 2, 3), keepdim=True).expand(-1, 4, *images.shape[2:])

    images = drawn(*size)
    logits = slide(network, images, WINDOW, batch_size=5)
    assert logits.shape == (2, 4, *size)
    assert all(each.shape[2:] == (WINDOW, WINDOW) for each in calls)
    assert all(len(each) <= 5 for each in calls)
    height, width = (max(side, WINDOW) for side in size)
    padded = torch.zeros(2, 3, height, width)
    padded[:, :, : size[0], : size[1]] = images
    total, visits = torch.zeros(2, height, width), torch.zeros(height, width)
    for top in window_starts(height, WINDOW):
        for left in window_starts(width, WINDOW):
            rows, columns = slice(top, top + WINDOW), slice(left, left + WINDOW)
            value = padded[:, :, rows, columns].sum(dim=(1, 2, 3))
            total[:, rows, columns] += value[:, None, None]
            visits[rows, columns] += 1
    assert visits.min() == 1
    expected = (total / visits)[:, : size[0], : size[1]]
    torch.testing.assert_close(logits, expected[:, None].expand_as(logits))


def test_windows_begin_where_those_of_mmsegmentation_do() -> None:
    """Every 341 pixels at 512; the last one ends at the edge."""
    assert window_starts(512, 512) == [0]
    assert window_starts(513, 512) == [0, 1]
    assert window_starts(853, 512) == [0, 341]
    assert window_starts(854, 512) == [0, 341, 342]
    assert window_starts(2048, 512) == [0, 341, 682, 1023, 1364, 1536]
    assert window_starts(3, 1) == [0, 1, 2]


def test_the_whole_image_is_padded_with_zeros_and_cropped_back() -> None:
    seen: list[Tensor] = []

    def network(images: Tensor) -> Tensor:
        seen.append(images)
        return images

    images = drawn(45, 100)
    assert torch.equal(inference("whole").logits(network, images), images)
    [padded] = seen
    assert padded.shape == (2, 3, 64, 128)
    assert torch.equal(padded[:, :, :45, :100], images)
    assert padded.abs().sum() == images.abs().sum()
    inference("whole").logits(network, drawn(WINDOW, WINDOW))
    assert seen[-1].shape[2:] == (WINDOW, WINDOW)


@pytest.mark.parametrize(
    "model", [name for name in MODELS if not name.startswith("paper_")]
)
@pytest.mark.parametrize("way", ["whole", "slide"])
def test_no_size_is_too_odd_for_a_model(model: str, way: str) -> None:
    size = 128 if model == "pan" else 64
    network = create_bare(model, "tu-test_resnet", 3).eval()
    applied = inference(way, model=model)._replace(size=size)
    applied.check()
    with torch.no_grad():
        for height, width in ((1, 1), (33, 70)):
            images = drawn(height, width, 1)
            assert applied.logits(network, images).shape == (1, 3, height, width)


def test_a_model_of_fixed_sizes_can_only_slide() -> None:
    bare = BareModel("paper_simple_baseline_heatmaps", "resnet18", 2)
    refused: list[tuple[str, tuple[float, ...]]] = [("whole", ()), ("dataset", (0.5, 1.0))]
    for way, scales in refused:
        applied = inference(way)._replace(bare=bare, scales=scales)
        with pytest.raises(InputError, match="does not take images of any size; inference"):
            applied.check()
    taken: list[tuple[str, tuple[float, ...]]] = [
        ("dataset", (1.0,)),
        ("slide", (0.5, 1.0)),
    ]
    for way, scales in taken:
        inference(way)._replace(bare=bare, scales=scales).check()
    assert side_step(BareModel("pan", "tu-test_resnet", 2)) == 128


@pytest.mark.parametrize("way", ["whole", "slide"])
def test_mirror_images_are_averaged_as_probabilities(way: str) -> None:
    torch.manual_seed(0)
    network = nn.Conv2d(3, 4, 3, padding=1)  # not symmetric
    images = drawn(9, 14)

    def logits(images: Tensor) -> Tensor:
        return inference(way).logits(network, images)

    with torch.no_grad():
        averaged = inference(way, "flip").averaged(network, images)
        mirrored = logits(images.flip(-1)).softmax(1).flip(-1)
        expected = (logits(images).softmax(1) + mirrored) / 2
    torch.testing.assert_close(averaged.exp(), expected)
    torch.testing.assert_close(averaged.softmax(1), expected)
    assert not torch.allclose(expected, logits(images).softmax(1), atol=1e-3)


def test_six_sizes_are_averaged_with_their_mirror_images() -> None:
    sizes: list[tuple[int, ...]] = []

    def network(images: Tensor) -> Tensor:
        sizes.append(tuple(images.shape[2:]))
        return pixelwise(images)

    images = drawn(40, 60)
    averaged = inference("whole", "multi_scale").averaged(network, images)
    padded = [(32, 32), (32, 64), (64, 64), (64, 96), (64, 96), (96, 128)]
    assert sizes == [size for size in padded for _ in range(2)]
    assert averaged.shape == (2, 4, 40, 60)
    torch.testing.assert_close(averaged.exp().sum(dim=1), torch.ones(2, 40, 60))


def test_views_of_a_plain_image_agree_with_it() -> None:
    images = torch.tensor([1.0, 2.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 37, 53)
    averaged = inference("slide", "multi_scale").averaged(pixelwise, images)
    torch.testing.assert_close(averaged.exp(), pixelwise(images).softmax(1))


def stored(height: int, width: int) -> tuple[Image, Mask]:
    """The value of a pixel is 10 x its row + its column."""
    values = 10 * torch.arange(height)[:, None] + torch.arange(width)
    values = values.to(torch.uint8)
    return Image(values.expand(3, -1, -1).clone()), Mask(values.clone())


def test_the_middle_is_scored_and_void_around_a_smaller_image() -> None:
    crop = MiddleCrop(4, {Image: [1, 2, 3], Mask: VOID})
    image, labels = crop(stored(3, 8))
    expected = [[2, 3, 4, 5], [12, 13, 14, 15], [22, 23, 24, 25], [VOID] * 4]
    assert labels.tolist() == expected
    assert image[0, :3].tolist() == expected[:3]
    assert image[:, 3].tolist() == [[1] * 4, [2] * 4, [3] * 4]
    _, labels = crop(stored(1, 1))
    assert (labels != VOID).nonzero().tolist() == [[1, 1]]
    image, labels = crop(stored(9, 6))
    assert labels.tolist() == stored(9, 6)[1][2:6, 1:5].tolist()
    assert torch.equal(image[2], labels)


@pytest.mark.parametrize("way", ["whole", "slide"])
def test_a_whole_image_is_scored_as_stored(way: str) -> None:
    config = RunConfig.parse({"inference": way, "image_size": 16})
    image, labels = scored_part(config, digits(), {})(stored(3, 8))
    assert torch.equal(labels, stored(3, 8)[1])
    assert torch.equal(image, stored(3, 8)[0])
