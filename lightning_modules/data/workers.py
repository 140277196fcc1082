"""How many processes load images: none if loading is cheap, else as many as cores allow."""

import time

import joblib
import torch
from torch.utils.data import Dataset

from lightning_modules.data.loader import Batch
from lightning_modules.ranks import on_this_machine

CHEAP_SECONDS = 20.0  # of loading in all; below it, processes gain less than they cost
MOST = 8


def free_cores(device: str) -> int:
    """The cores for loading that this process may use beside the training itself.

    On a CPU the training computes with torch's threads, of which loading takes the place
    of one. `ablate sweep --jobs` and OMP_NUM_THREADS limit these threads, affinity and
    cgroups the cores. A GPU leaves all of them free but one.
    """
    own = joblib.cpu_count() // on_this_machine()
    cores: int = min(own, torch.get_num_threads())
    return min(cores - 1, 1 if device == "cpu" else MOST)


def choose_workers(dataset: Dataset[Batch], draw: object, images: int, device: str) -> int:
    """Processes that load that many images, of which one draw is timed."""
    free = free_cores(device)
    if free < 1:
        return 0
    return free if images * loading_seconds(dataset, draw) > CHEAP_SECONDS else 0


def loading_seconds(dataset: Dataset[Batch], draw: object) -> float:
    """Of one image, after a first look at it, so that caches that hold it count."""
    dataset[draw]
    start = time.perf_counter()
    dataset[draw]
    return time.perf_counter() - start
