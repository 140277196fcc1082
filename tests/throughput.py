"""Cells per minute of one sweep file, embedded and with `wandb agent`.

    python -m tests.throughput --cells 24

The agent talks to the stand-in of tests/fake_wandb on the loopback interface. One thread
per run; times are for whole commands, from start to end. Prints a table in Markdown.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from pandas import DataFrame

from ablations.run_config import RunConfig
from ablations.run_folder import read_records
from lightning_modules.execution import Execution
from lightning_modules.run import train
from sweeps.study.sweep_file import load_study
from tests.fake_wandb import FakeWandb

SMOKE = Path(__file__).parents[1] / "sweeps" / "smoke.yaml"
BIN = Path(sys.executable).parent


@dataclass
class Measurement:
    """One way to run a sweep file, in its own folder."""

    steps: int
    cells: int
    way: str
    options: tuple[str, ...] = ()

    def seconds(self) -> float:
        with tempfile.TemporaryDirectory() as name, FakeWandb() as server:
            folder = Path(name)
            environment = server.environment(folder) | {"OMP_NUM_THREADS": "1"}
            write_sweep(folder / "sweep.yaml", self.steps, self.cells)
            command = ["ablate", "sweep", "sweep.yaml", *self.options]
            if self.way == "wandb agent":
                call(folder, environment, "wandb", "sweep", "--project", "p", "sweep.yaml")
                command = ["wandb", "agent", server.sweeps()[0].path]
            started = time.perf_counter()
            call(folder, environment, *command)
            passed = time.perf_counter() - started
            assert len(list(read_records(folder / "runs"))) == self.cells
        return passed


def call(folder: Path, environment: dict[str, str], *command: str) -> None:
    with (folder / "log").open("w") as log:
        result = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    assert result.returncode == 0, (folder / "log").read_text()


def write_sweep(path: Path, steps: int, cells: int) -> None:
    """The smoke study with a different length and one block."""
    sweep = yaml.safe_load(SMOKE.read_text())
    sweep["parameters"] |= {
        "block": {"value": "none"},
        "max_steps": {"value": steps},
        "seed": {"values": list(range(cells))},
    }
    path.write_text(yaml.safe_dump(sweep))


def steps_in(seconds: float) -> int:
    """The number of steps that one core trains in that CPU time."""
    torch.set_num_threads(1)
    core_seconds(4)  # warm-up
    return round(60 * seconds / (core_seconds(64) - core_seconds(4)))


def core_seconds(steps: int) -> float:
    smoke = next(load_study(SMOKE).runs()).config
    config = RunConfig.parse(smoke.model_dump() | {"block": "none", "max_steps": steps})
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        train(config, Path(folder), Execution(progress_bar=False))
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--run-seconds", type=float, nargs="+", default=[10.0, 0.5])
    args = parser.parse_args()
    rows = []
    for seconds in args.run_seconds:
        steps = steps_in(seconds)
        ways = [
            Measurement(steps, args.cells, "embedded, 1 job"),
            Measurement(steps, args.cells, "embedded, 2 jobs", ("--jobs", "2")),
            Measurement(steps, args.cells, "wandb agent"),
        ]
        for way in ways:
            passed = way.seconds()
            rows.append(
                {
                    "training of a run (s)": seconds,
                    "steps": steps,
                    "cells": args.cells,
                    "way": way.way,
                    "seconds": round(passed, 1),
                    "cells per minute": round(60 * args.cells / passed, 1),
                }
            )
            sys.stderr.write(f"{rows[-1]}\n")
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    sys.stdout.write(f"{os.cpu_count()} cores, load averages at the end: {load}\n\n")
    sys.stdout.write(DataFrame(rows).to_markdown(index=False) + "\n")


if __name__ == "__main__":
    main()
