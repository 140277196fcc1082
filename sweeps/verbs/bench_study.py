"""Time and memory of every distinct network of a sweep file, on this device."""

import argparse

from ablations.options import runs_option, sweep_file_option, timing_options, wide_option
from lightning_modules.execution import with_defaults
from sweeps.study.sweep_file import load_study

EXAMPLES = [
    "bench-study sweeps/smoke.yaml",
    "bench-study sweeps/demo.yaml --device cpu --threads 2 --rounds 21",
]


def add_options(parser: argparse.ArgumentParser) -> None:
    sweep_file_option(parser)
    runs_option(parser)
    timing_options(parser)
    wide_option(parser)


def run(args: argparse.Namespace) -> int:
    from ablations.benchmark.devices import find_device
    from ablations.timings import save_timings
    from ablations.whole_file import check_writable
    from reports.terminal import show
    from reports.timings import study_page
    from sweeps.bench import bench_study

    study, device = load_study(args.file, args.count), find_device(args.device)
    folder = with_defaults(args, study.options).runs / study.name
    check_writable(folder)
    configs = [run.config for run in study.runs()]
    timings = bench_study(configs, device, args.threads, args.rounds)
    path = save_timings(timings, folder)
    show(study_page(timings).parts, args.wide)
    print(f"{len(timings.networks)} networks: {path}")
    return int(any(timing.problem for timing in timings.networks))
