"""Loading keeps up within its memory, and a record says where the time went."""

import time

import pytest
import torch
from torch.utils.data import Dataset
from torchvision.tv_tensors import Image, Mask

from lightning_modules.data import workers
from lightning_modules.data.cached import CachedImages
from lightning_modules.data.data_source import Sample
from lightning_modules.data.loader import Batch, Loader
from lightning_modules.data.workers import choose_workers, free_cores
from lightning_modules.step_time import StepTime
from lightning_modules.training_losses import NonFiniteLossError, TrainingLosses


class CountedSplit:
    """Images of 3x5x7, 140 bytes with their labels; counts how often they are read."""

    fingerprint = "counted"

    def __init__(self) -> None:
        self.reads: list[int] = []

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Sample:
        self.reads.append(index)
        image = torch.full((3, 5, 7), index, dtype=torch.uint8)
        return Image(image), Mask(image[0])

    def title(self, index: int) -> str:
        return f"image {index}"

    def check(self, count: int) -> None:
        """Nothing to check."""


@pytest.mark.parametrize(
    ("limit", "kept"), [(0, 0), (139, 0), (140, 1), (419, 2), (560, 4)]
)
def test_decoded_images_stay_while_there_is_room(limit: int, kept: int) -> None:
    split = CountedSplit()
    cached = CachedImages(split, limit)
    for _ in range(3):
        for index in (2, 0, 3, 1):
            image, labels = cached[index]
            assert image.unique().tolist() == labels.unique().tolist() == [index]
    assert len(split.reads) == 4 + 2 * (4 - kept)
    assert cached.size == 140 * kept


class SlowImages(Dataset[Batch]):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __getitem__(self, index: object) -> Batch:
        time.sleep(self.seconds)
        return torch.zeros(3, 4, 4), torch.zeros(4, 4)


def test_only_long_loading_gets_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "free_cores", lambda device: 3)
    slow, fast = SlowImages(0.01), SlowImages(0.0)
    assert choose_workers(slow, 0, 100, "cuda") == 0  # 1 s
    assert choose_workers(slow, 0, 10_000, "cuda") == 3  # 100 s
    assert choose_workers(fast, 0, 1_000, "cuda") == 0


@pytest.mark.parametrize(
    ("cores", "threads", "device", "free"),
    [
        (16, 16, "cuda", 8),
        (4, 8, "cuda", 3),  # a container with a quota
        (16, 2, "cuda", 1),  # one of eight jobs
        (16, 16, "cpu", 1),
        (16, 1, "cpu", 0),
        (1, 1, "cuda", 0),
    ],
)
def test_processes_take_only_the_cores_of_this_one(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int, device: str, free: int
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: cores)
    monkeypatch.setattr("torch.get_num_threads", lambda: threads)
    assert free_cores(device) == free


def test_a_loader_counts_only_the_time_of_waiting() -> None:
    loader = Loader(SlowImages(0.02), 2, sampler=range(4))
    for _ in loader:
        time.sleep(0.2)
    assert 0.08 <= loader.seconds < 0.4  # the four images, not the work in between


def test_a_checkpoint_of_an_older_version_has_no_time_of_waiting() -> None:
    step_time = StepTime()
    step_time.load_state_dict({"train_seconds": 5.0, "compute_seconds": 4.0, "kind": "cpu"})
    state = step_time.state_dict()
    assert (state["train_seconds"], state["data_seconds"]) == (5.0, 0.0)
    again = StepTime()
    again.load_state_dict(state | {"data_seconds": 2.0, "validation_seconds": 3.0})
    assert (again.data_seconds, again.validation_seconds) == (2.0, 3.0)


def test_a_diverged_loss_is_named_with_its_own_step() -> None:
    losses = TrainingLosses()
    losses.add(3, torch.tensor(1.5))
    with pytest.raises(NonFiniteLossError, match=r"^loss is nan at step 4$"):
        losses.add(4, torch.tensor(torch.nan))


def test_losses_of_a_gpu_are_read_together_and_at_the_latest_when_asked() -> None:
    losses = TrainingLosses()
    losses.unread = [(step, torch.tensor(float(step))) for step in (5, 6, 7, 8)]
    losses.unread[2] = (7, torch.tensor(torch.inf))
    for _ in range(2):  # it stays an error, so no checkpoint is saved after it
        with pytest.raises(NonFiniteLossError, match=r"^loss is inf at step 7$"):
            losses.check()
