"""What only a machine with a GPU can tell: correctness, throughput, a training there.

    python -m tests.gpu_check --out FOLDER
    python -m tests.gpu_check --out FOLDER --device cpu --tiny     # does the script work?

Writes FOLDER/gpu_check.json and FOLDER/gpu_check.md anew after each row, so a run that is
cut off leaves what it had. A failing row holds its error, and the next one follows. No row
starts after the time limit, and one that takes too long is ended.
"""

import argparse
import contextlib
import copy
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablations.attention import BLOCKS
from ablations.blocks import create_attention, set_evaluation
from ablations.compiling import compile_in_place
from ablations.models import create_model
from lightning_modules.data import DATASETS
from tests.step_rate import WORK, compare, noise

Row = dict[str, Any]
TOLERANCES = {"float32": 1e-3, "bf16": 0.2}  # of the largest value; products add up
ROW_SECONDS = 90


class Scale(NamedTuple):
    """How large the measurements are."""

    device: str
    feature: tuple[int, int, int, int] = (2, 64, 33, 47)
    large: tuple[int, int, int, int] = (16, 512, 128, 128)
    encoder: str = "resnet50"
    batch: int = 16
    size: int = 512
    steps: int = 20
    warm_up: int = 5
    train_steps: int = 50


def tiny(device: str) -> Scale:
    return Scale(device, (2, 64, 5, 7), (1, 64, 8, 8), "resnet18", 2, 64, 3, 1, 5)


Task = Callable[[], Row]
Tasks = Iterator[tuple[Row, Task]]  # what a row is about, and what measures it


def correctness(scale: Scale) -> Tasks:
    """Largest errors against float64 on the CPU, computed as published."""
    for block in BLOCKS:
        for precision in TOLERANCES:
            for evaluation in ("direct", "fast"):
                about = {"block": block, "evaluation": evaluation, "precision": precision}
                yield about, lambda about=about: errors(about, scale)  # type: ignore[misc]


def errors(about: Row, scale: Scale) -> Row:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    reference = create_attention(about["block"], scale.feature[1], "direct").double().eval()
    for parameter in reference.parameters():
        nn.init.normal_(parameter, std=0.1)
    x = torch.randn(scale.feature, dtype=torch.float64)
    cotangent = torch.randn(scale.feature, dtype=torch.float64)
    module = set_evaluation(copy.deepcopy(reference), about["evaluation"])
    module = module.float().to(scale.device)
    narrow = autocast(scale.device, about["precision"])
    actual = results(module, x.float().to(scale.device), cotangent, narrow)
    full = autocast("cpu", "float32")
    expected = results(reference, x, cotangent, full)
    output, *gradients = (error(*pair) for pair in zip(actual, expected, strict=True))
    worst = max(output, *gradients)
    return {
        "output": output,
        "gradients": max(gradients),
        "ok": worst < TOLERANCES[about["precision"]],
    }


def results(
    module: nn.Module, x: Tensor, cotangent: Tensor, precision: torch.autocast
) -> list[Tensor]:
    """The output, and the gradients of x and of all parameters."""
    x = x.requires_grad_()
    with precision:
        y = module(x)
    gradients = torch.autograd.grad(y, [x, *module.parameters()], cotangent.to(y))
    return [y.detach(), *gradients]


def error(actual: Tensor, expected: Tensor) -> float:
    """Relative to the largest value; absolute below one."""
    difference = (actual.cpu().double() - expected).abs().max()
    return float(difference / expected.abs().max().clamp(min=1))


def autocast(device: str, precision: str) -> torch.autocast:
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")


class Recipe(NamedTuple):
    """A way to compute a training step."""

    name: str
    precision: str = "bf16"
    tf32: bool = False
    channels_last: bool = False
    compiled: bool = False
    deterministic: bool = False


RECIPES = [
    Recipe("float32", "float32"),
    Recipe("float32 with TF32", "float32", tf32=True),
    Recipe("bf16"),
    Recipe("bf16, channels last", channels_last=True),
    Recipe("bf16, channels last, deterministic", channels_last=True, deterministic=True),
]
COMPILED = [Recipe("bf16, channels last, compiled", channels_last=True, compiled=True)]


def throughput(scale: Scale, recipes: list[Recipe]) -> Tasks:
    """Training steps of DeepLabV3+ on random images that are on the device."""
    for block in ("none", "psa_parallel"):
        for recipe in recipes:
            about = {"block": block, "recipe": recipe.name}
            yield about, lambda recipe=recipe, block=block: rate(block, recipe, scale)  # type: ignore[misc]


def rate(block: str, recipe: Recipe, scale: Scale) -> Row:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = recipe.tf32
    torch.use_deterministic_algorithms(recipe.deterministic, warn_only=True)
    torch.backends.cudnn.deterministic = recipe.deterministic
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if scale.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    step = training_step(block, recipe, scale)
    for _ in range(scale.warm_up):
        step()
    synchronize(scale.device)
    warm_up = time.perf_counter() - start
    milliseconds = median_time(step, scale)
    torch.use_deterministic_algorithms(False)
    return {
        "step (ms)": milliseconds,
        "images/s": 1000 * scale.batch / milliseconds,
        "peak (GB)": peak(scale.device),
        "warm-up (s)": warm_up,
    }


def training_step(block: str, recipe: Recipe, scale: Scale) -> Callable[[], None]:
    torch.manual_seed(0)
    model: nn.Module = create_model(
        "deeplabv3plus", scale.encoder, 21, block, "residual", "fast"
    )
    form = torch.channels_last if recipe.channels_last else torch.contiguous_format
    model = model.to(scale.device, memory_format=form).train()  # type: ignore[call-overload]
    shape = (scale.batch, 3, scale.size, scale.size)
    images = torch.randn(shape, device=scale.device).to(memory_format=form)
    labels = torch.randint(21, (scale.batch, scale.size, scale.size), device=scale.device)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    if recipe.compiled:
        compile_in_place(model)

    def step() -> None:
        with autocast(scale.device, recipe.precision):
            loss = F.cross_entropy(model(images), labels, ignore_index=255)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()

    return step


def memory_bound(scale: Scale) -> Tasks:
    """The forward of PSA against the time in which a device moves three such tensors."""
    for way in ("direct", "fast", "direct, compiled"):
        yield {"way": way}, lambda way=way: forward_time(way, scale)  # type: ignore[misc]


@torch.no_grad()
def forward_time(way: str, scale: Scale) -> Row:
    kind = {"device": scale.device, "dtype": torch.bfloat16}
    x = torch.randn(scale.large, **kind)  # type: ignore[call-overload]
    other, size = torch.empty_like(x), x.numel() * x.element_size()
    copying = median_time(lambda: other.copy_(x), scale)  # reads and writes it once
    bound = 1.5 * copying  # two reads and a write
    evaluation = "fast" if way == "fast" else "direct"
    block = create_attention("psa_parallel", scale.large[1], evaluation)  # type: ignore[arg-type]
    block = block.to(**kind).eval()  # type: ignore[call-overload]
    network = torch.compile(block) if "compiled" in way else block
    for _ in range(scale.warm_up):
        network(x)
    milliseconds = median_time(lambda: network(x), scale)
    return {
        "ms": milliseconds,
        "bound (ms)": bound,
        "share of bound": bound / milliseconds,
        "copy (GB/s)": 2 * size / copying / 1e6,
        "tensor (GB)": size / 1e9,
    }


def median_time(work: Callable[[], object], scale: Scale) -> float:
    """Milliseconds, by the device's own clock."""
    if scale.device == "cpu":
        return statistics.median(wall_time(work) for _ in range(scale.steps))
    pairs = []
    for _ in range(scale.steps):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        begin.record()
        work()
        end.record()
        pairs.append((begin, end))
    torch.cuda.synchronize()
    return float(statistics.median(begin.elapsed_time(end) for begin, end in pairs))


def wall_time(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def peak(device: str) -> float | None:
    return torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else None


def commands(scale: Scale) -> Tasks:
    """Whole trainings on the command line."""
    accelerator = "gpu" if scale.device == "cuda" else "cpu"
    train = ["-m", "ablations", "train", "--dataset", "digits", "--block", "psa_parallel"]
    train += ["--encoder", "tu-test_resnet", "--val-images", "50", "--precision"]
    train += ["bf16-mixed", "--max-steps", str(scale.train_steps), "--workers", "4"]
    train += ["--accelerator", accelerator]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1"]
    for name, words in {
        "ablate train": train,
        "torchrun, one process": [*torchrun, *train, "--devices", "1"],
    }.items():
        yield {"command": name}, lambda words=words: called(words)  # type: ignore[misc]


def called(words: list[str]) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *words, "--runs", folder]
        start = time.perf_counter()
        result = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=ROW_SECONDS,
        )
        seconds = time.perf_counter() - start
        row: Row = {"exit code": result.returncode, "seconds": seconds}
        for path in Path(folder).rglob("record.json"):
            row |= of_record(json.loads(path.read_text()))
    return row | {"output": result.stdout[-1500:]}


def of_record(record: Row) -> Row:
    values = record.get("record", record)
    keys = ("device", "miou", "train_seconds", "compute_seconds", "data_seconds")
    return {key: values.get(key) for key in (*keys, "validation_seconds")}


def against_loop(scale: Scale) -> Tasks:
    """The suite against a plain loop, see step_rate.py."""
    steps, rounds = scale.train_steps, 3 if scale.device == "cuda" else 1
    precision = "bf16-mixed" if scale.device == "cuda" else "32-true"
    for name in WORK if scale.device == "cuda" else ["digits"]:
        work = WORK[name].on(precision, steps)
        yield {}, lambda work=work: compare(work, scale.device, 0, rounds)  # type: ignore[misc]


PARTS: dict[str, Callable[[Scale], Tasks]] = {
    "Correctness of blocks": correctness,
    "Throughput of training": lambda scale: throughput(scale, RECIPES),
    "PSA against the memory bound": memory_bound,
    "Trainings": commands,
    "Suite against a plain loop": against_loop,
    "Throughput of compiled training": lambda scale: throughput(scale, COMPILED),
}


class Report:
    """The rows so far, as JSON and as Markdown."""

    def __init__(self, folder: Path, device: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
        self.head = f"{name}, torch {torch.__version__}, {os.cpu_count()} cores"
        self.parts: dict[str, list[Row]] = {}

    def add(self, part: str, row: Row) -> None:
        self.parts.setdefault(part, []).append(row)
        content = {"machine": self.head, "parts": self.parts}
        (self.folder / "gpu_check.json").write_text(json.dumps(content, indent=1))
        tables = "".join(f"\n## {name}\n\n{table(r)}" for name, r in self.parts.items())
        (self.folder / "gpu_check.md").write_text(f"# {self.head}\n{tables}")
        sys.stdout.write(f"{part}: {line(row)}\n")
        sys.stdout.flush()


def table(rows: list[Row]) -> str:
    """Rows in Markdown; long texts are in the JSON file only."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "output"))
    lines = [names, ["---"] * len(names)]
    lines += [[text(row.get(name)) for name in names] for row in rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value).splitlines()[0][:120].replace("|", "/")


def line(row: Row) -> str:
    return ", ".join(f"{key} {text(value)}" for key, value in row.items() if value != "")


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """TimeoutError in the main thread after that many seconds."""

    def stop(*arguments: object) -> None:
        raise TimeoutError(f"took more than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measured(task: Task, seconds: float) -> Row:
    """What a task measures, or its error."""
    if seconds < 1:
        return {"error": "not started: the time is up"}
    try:
        with limited(min(seconds, ROW_SECONDS)):
            return task()
    except (Exception, SystemExit) as problem:
        return {
            "error": f"{type(problem).__name__}: {problem}",
            "output": traceback.format_exc()[-1500:],
        }
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser(description="What only a machine with a GPU can tell")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="in small: does it work?")
    parser.add_argument("--seconds", type=float, default=285.0, help="limit of all parts")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    args = parser.parse_args()
    scale = tiny(args.device) if args.tiny else Scale(args.device)
    warnings.simplefilter("ignore")  # above all of deterministic algorithms
    end = time.monotonic() + args.seconds
    report = Report(args.out, args.device)
    with mock.patch.dict(DATASETS, {"noise": noise}):
        for part in args.part:
            for about, task in PARTS[part](scale):
                report.add(part, about | measured(task, end - time.monotonic()))


if __name__ == "__main__":
    main()
