"""Time and memory of a study's networks, each built as a training builds it."""

from collections.abc import Iterable
from functools import partial

import torch
from torch import nn

from ablations.benchmark.devices import device_name
from ablations.benchmark.networks import Subject, measure_networks, pieces
from ablations.benchmark.timing import find_clock
from ablations.run_config import RunConfig
from ablations.threads import on_threads
from ablations.time_limit import at_most
from ablations.timings import StudyTimings, TimedNetwork, timed_network
from ablations.version import commit
from lightning_modules.data import count_classes
from lightning_modules.execution import Accelerator
from lightning_modules.machine import check_compiler, check_precision, versions
from lightning_modules.run import check_names
from lightning_modules.segmentation import SegmentationModule
from reports.terminal import progress

IMPORTS = 20  # seconds for all of them


def bench_study(
    configs: Iterable[RunConfig], device: torch.device, threads: int, rounds: int
) -> StudyTimings:
    """The figures of each distinct network of these runs, with a bar on stderr.

    A network that cannot be measured is listed with its problem. Raises InputError for an
    unknown name.
    """
    subjects = [Subject(network) for network in timed_networks(configs)]
    build_here = partial(build, "cpu" if device.type == "cpu" else "gpu")
    clock = find_clock(device, threads)
    with on_threads(threads):
        work = measure_networks(subjects, build_here, device, clock, rounds)
        for _ in progress(work, "bench-study", pieces(len(subjects), rounds)):
            pass
    return StudyTimings(
        device=device_name(device),
        threads=threads,
        rounds=rounds,
        versions=versions(),
        commit=commit(),
        networks=tuple(subject.timing(rounds) for subject in subjects),
    )


def timed_networks(configs: Iterable[RunConfig]) -> list[TimedNetwork]:
    """The distinct networks, in the order of the runs."""
    configs = list(configs)
    with at_most(IMPORTS, "looking up names"):
        check_names(configs)
    names = {config.dataset for config in configs}
    classes = {name: count_classes(name) for name in names}
    return list(dict.fromkeys(timed_network(c, classes[c.dataset]) for c in configs))


def build(accelerator: Accelerator, network: TimedNetwork) -> nn.Module:
    """A network as it is trained; InputError if that device cannot train it."""
    check_precision(network.config.precision, accelerator)
    check_compiler(network.config.compile, accelerator)
    names = tuple(str(number) for number in range(network.classes))
    module = SegmentationModule(network.config, names)
    module.compile_network()
    return module
