"""The options of the command line; those of a run are the fields of RunConfig."""

import argparse
import contextlib
import os
import re
import types
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ablations.errors import InputError
from ablations.study import DERIVED, RunConfig, flat
from ablations.yaml_file import read_yaml


def config_options(parser: argparse.ArgumentParser) -> None:
    """One flag for each field of RunConfig that is not filled in."""
    group = parser.add_argument_group("configuration (decides the result)")
    for name, field in RunConfig.model_fields.items():
        if name in DERIVED:
            continue
        default = "none" if field.default is None else field.default
        details: dict[str, Any] = value_type(field.annotation)
        group.add_argument(
            f"--{name.replace('_', '-')}",
            default=argparse.SUPPRESS,
            help=f"{field.description} (default: {default})",
            **details,
        )
    group.add_argument(
        "--config",
        type=Path,
        default=argparse.SUPPRESS,
        help="YAML or JSON file; flags go first",
    )


def value_type(annotation: Any) -> dict[str, Any]:
    """How argparse reads a field of that type."""
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(annotation) is Literal:
        return {"choices": get_args(annotation)}
    if get_origin(annotation) is types.UnionType:
        kind = get_args(annotation)[0]
        return {"type": lambda text: None if text == "none" else kind(text), "metavar": "X"}
    return {"type": annotation, "metavar": annotation.__name__.upper()}


def run_config(options: argparse.Namespace) -> RunConfig:
    given = {
        name: getattr(options, name) for name in RunConfig.model_fields if name in options
    }
    values = read_yaml(options.config) if options.config else {}
    if not isinstance(values, dict):
        raise InputError(f"{options.config}: not a mapping of configuration keys")
    return RunConfig.parse(flat(values) | given, str(options.config or "configuration"))


def execution_options(parser: argparse.ArgumentParser) -> None:
    """Without defaults: a sweep file may have its own (see cli.decided)."""
    group = parser.add_argument_group("execution (does not change the result)")
    runs_option(group)
    group.add_argument(
        "--accelerator",
        choices=["auto", "cpu", "gpu", "mps"],
        default=argparse.SUPPRESS,
        help="default: auto",
    )
    group.add_argument(
        "--workers",
        type=count,
        default=argparse.SUPPRESS,
        help="processes that load data (default: 0)",
    )
    group.add_argument(
        "--val-every",
        type=positive,
        default=argparse.SUPPRESS,
        help="steps (default: 4 times a run)",
    )
    group.add_argument(
        "--wandb",
        choices=["disabled", "offline", "online"],
        default=argparse.SUPPRESS,
        help="mirror runs to Weights & Biases (default: disabled, online under an agent)",
    )
    data_option(group, argparse.SUPPRESS)


def execution_defaults() -> dict[str, Any]:
    data = os.environ.get("ABLATE_DATA")
    return {
        "runs": Path(os.environ.get("ABLATE_RUNS", "runs")),
        "accelerator": "auto",
        "workers": 0,
        "val_every": None,
        "wandb": "online" if "WANDB_SWEEP_ID" in os.environ else "disabled",
        "data_folder": Path(data) if data else None,
    }


def runs_option(parser: Any) -> None:
    parser.add_argument(
        "--runs",
        type=Path,
        default=argparse.SUPPRESS,
        help="folder of records (default: $ABLATE_RUNS, else runs)",
    )


def data_option(parser: Any, default: str | None) -> None:
    parser.add_argument(
        "--data-folder",
        type=Path,
        default=default,
        help="where downloaded data sets lie (default: $ABLATE_DATA)",
    )


def train_options(parser: argparse.ArgumentParser) -> None:
    train_flags(parser)
    parser.set_defaults(config=None, study="single", **execution_defaults())


def train_flags(parser: argparse.ArgumentParser) -> None:
    """Without defaults: what is not given is absent."""
    config_options(parser)
    execution_options(parser)
    parser.add_argument(
        "--study",
        type=plain_name,
        default=argparse.SUPPRESS,
        help="name of a folder (default: single)",
    )


def sweep_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="sweep file (YAML)")
    parser.add_argument("--count", type=positive, help="runs of a random search")
    parser.add_argument("--dry-run", action="store_true", help="list the runs and stop")
    parser.add_argument("--check", action="store_true", help="check the file and stop")
    parser.add_argument(
        "--jobs",
        type=positive,
        help="runs at a time (default: 1 here, 256 on a cluster)",
    )
    parser.add_argument(
        "--gpus",
        type=gpus,
        default=(),
        metavar="0,1",
        help="one run at a time on each of these",
    )
    parser.add_argument("--runs-per-gpu", type=positive, default=1, metavar="N")
    parser.add_argument(
        "--retries",
        type=count,
        default=0,
        metavar="N",
        help="further attempts at a failed run",
    )
    parser.add_argument(
        "--timeout", type=positive, metavar="SECONDS", help="for one try of one run"
    )
    execution_options(parser)
    cluster = parser.add_argument_group("cluster")
    cluster.add_argument(
        "--executor",
        choices=["here", "slurm", "local"],
        default="here",
        help="where runs are carried out; local is submitit's stand-in for a cluster",
    )
    cluster.add_argument("--partition", help="of Slurm")
    cluster.add_argument("--gpus-per-run", type=count, default=0, metavar="N")
    cluster.add_argument("--cpus-per-run", type=positive, default=1, metavar="N")
    cluster.add_argument(
        "--minutes",
        type=minutes,
        default=60,
        metavar="N",
        help="after which a run is requeued and goes on (default: 60)",
    )
    cluster.add_argument(
        "--sbatch",
        type=pair,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other option of sbatch, repeatable: account=NAME, mem=16G",
    )


HERE: dict[str, Any] = {
    "gpus": (),
    "runs_per_gpu": 1,
    "timeout": None,
}  # and their defaults
ON_A_CLUSTER: dict[str, Any] = {
    "partition": None,
    "gpus_per_run": 0,
    "cpus_per_run": 1,
    "minutes": 60,
    "sbatch": [],
}


def settle_executor(given: argparse.Namespace) -> None:
    """InputError for an option that would be ignored; who names GPUs gets no CPU."""
    here = given.executor == "here"
    for name, default in (ON_A_CLUSTER if here else HERE).items():
        if getattr(given, name) != default:
            flag = "--" + name.replace("_", "-")
            raise InputError(f"{flag} does nothing with --executor {given.executor}")
    if given.gpus and given.accelerator not in {"auto", "gpu"}:
        raise InputError(f"--gpus does nothing with --accelerator {given.accelerator}")
    if given.gpus or given.gpus_per_run:
        given.accelerator = "gpu"


def missing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="sweep file (YAML)")
    parser.add_argument("--count", type=positive, help="runs of a random search")
    runs_option(parser)
    parser.add_argument("--out", type=Path, help="default: STUDY-missing.yaml")


def where_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="deeplabv3plus", help="smp architecture")
    parser.add_argument("--encoder", default="resnet18", help="smp encoder")
    parser.add_argument("--block", default="psa_parallel", help="a key or my_file:MyBlock")
    parser.add_argument("--placement", default="residual")
    parser.add_argument("--evaluation", choices=["direct", "fast"], default="fast")
    parser.add_argument("--size", type=size, default=(64, 64), help="of the image, HxW")


def cost_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--block", action="append", help="repeatable; default: every block")
    parser.add_argument("--channels", type=positive, default=256, help="of a block alone")
    parser.add_argument("--size", type=size, default=(64, 64), help="HxW or one number")
    models = parser.add_mutually_exclusive_group()
    models.add_argument("--model", help="smp architecture; default: the block alone")
    models.add_argument(
        "--all", action="store_true", help="every smp architecture with each encoder"
    )
    parser.add_argument(
        "--encoder",
        action="append",
        help="repeatable; default: resnet50, with --all also mobilenet_v2 and "
        "efficientnet-b0",
    )
    parser.add_argument("--placement", default="residual")
    parser.add_argument(
        "--convention",
        default="macs",
        help="what is counted: macs (default), fvcore, torch, thop, hrnet or closed_form",
    )
    parser.add_argument("--classes", type=positive, default=21)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/cost"), help="for .md and .csv"
    )


def reproduce_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paper", choices=["psa"], help="Polarized Self-Attention")
    parser.add_argument(
        "--convention", help="count FLOPs so in every table (default: as each table did)"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/psa"), help="for the files")


def bench_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--block", action="append", help="repeatable; default: both PSA")
    parser.add_argument(
        "--shape", type=shape, action="append", help="BxCxHxW, repeatable; default: three"
    )
    parser.add_argument(
        "--dtype", choices=["float32", "float16", "bfloat16"], action="append"
    )
    timing_options(parser, "bench")


def bench_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="deeplabv3plus", help="smp architecture")
    parser.add_argument("--encoder", default="resnet50", help="smp encoder")
    parser.add_argument("--block", default="psa_parallel", help="a key or my_file:MyBlock")
    parser.add_argument("--placement", default="residual")
    parser.add_argument("--size", type=size, default=(512, 512), help="of the images, HxW")
    parser.add_argument(
        "--batch-size", type=two_or_more, default=2, help="BatchNorm needs two"
    )
    timing_options(parser, "bench-model")


def timing_options(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], help="default: cuda if it is there"
    )
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--rounds", type=positive, default=11, help="median of so many")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/bench"), help="for the files"
    )
    parser.add_argument("--name", type=plain_name, default=name, help="of the files")


def show_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", help="data set")
    parser.add_argument("--split", choices=["train", "val", "test"], default="train")
    parser.add_argument("--size", type=positive, default=64, help="side in pixels")
    parser.add_argument("--count", type=positive, default=24, help="images")
    parser.add_argument("--out", type=Path, help="picture, or an existing folder for it")
    data_option(parser, os.environ.get("ABLATE_DATA"))


def report_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="RUNS", help="folder of records, or wandb:ENTITY/PROJECT/SWEEP"
    )
    parser.add_argument("--sweep", type=Path, help="sweep file that says what was planned")
    parser.add_argument("--count", type=positive, help="runs of a random search")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="for records of W&B"
    )
    parser.add_argument("--out", type=Path, help="default: RUNS/report")
    parser.add_argument(
        "--wandb",
        choices=["offline", "online"],
        help="attach the report to the study's group in Weights & Biases, as a run's files",
    )


def positive(text: str) -> int:
    with contextlib.suppress(ValueError):
        if (number := int(text)) > 0:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")


def two_or_more(text: str) -> int:
    if (number := positive(text)) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 2 on")
    return number


def size(text: str) -> tuple[int, int]:
    """512x1024 is height times width; 512 is a square."""
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, such as 512x1024")
    height, _, width = text.partition("x")
    return int(height), int(width or height)


def shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*){3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not BxCxHxW, such as 1x512x64x64")
    return tuple(int(side) for side in text.split("x"))


def count(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def minutes(text: str) -> int:
    if (number := positive(text)) < 5:  # Slurm may warn of the end 150 s before it
        raise argparse.ArgumentTypeError(f"{text!r} is less than 5")
    return number


def pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    if not (key and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as mem=16G")
    return key, value


def gpus(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of GPUs, such as 0,1")
    return names


def plain_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a plain name")
    return text
