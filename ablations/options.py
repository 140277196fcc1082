"""The options of the command line; those of a run are the fields of RunConfig."""

import argparse
import os
import types
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ablations.errors import InputError
from ablations.option_types import (
    Each,
    channels,
    classes,
    count,
    gpu_names,
    job_minutes,
    pair,
    plain_name,
    positive,
    rounds,
    shape,
    sheet_side,
    size,
    threads,
    two_or_more,
)
from ablations.run_config import DERIVED, RunConfig, flat
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
            help=f"{field.description}{LISTED.get(name, '')} (default: {default})",
            **details,
        )
    group.add_argument(
        "--config",
        type=Path,
        default=argparse.SUPPRESS,
        help="YAML or JSON file of these keys; flags override it",
    )


LISTED = {  # where the names of a field are found
    "block": ", see `ablate list`",
    "placement": ", see `ablate list placements`",
    "model": ", see `ablate list models`",
    "encoder": ", see `ablate list encoders`",
    "dataset": ", see `ablate list datasets`",
}


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
        help="device to train on (default: auto)",
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
        help="steps between validations (default: a quarter of the run)",
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
        help="folder of downloaded data sets (default: $ABLATE_DATA)",
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
        help="folder below --runs (default: single)",
    )


def sweep_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="sweep file (YAML)")
    count_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="list the runs and stop")
    parser.add_argument("--check", action="store_true", help="check the file and stop")
    parser.add_argument(
        "--jobs",
        type=positive,
        help="runs at a time (default: 1 here, 256 on a cluster)",
    )
    parser.add_argument(
        "--gpus",
        type=gpu_names,
        default=(),
        metavar="0,1",
        help="indices of GPUs; one run at a time on each",
    )
    parser.add_argument(
        "--runs-per-gpu",
        type=positive,
        default=1,
        metavar="N",
        help="runs at a time on each GPU of --gpus (default: 1)",
    )
    parser.add_argument(
        "--retries",
        type=count,
        default=0,
        metavar="N",
        help="further attempts at a failed run (default: 0)",
    )
    parser.add_argument(
        "--timeout",
        type=positive,
        metavar="SECONDS",
        help="time limit of one attempt (default: none)",
    )
    execution_options(parser)
    cluster = parser.add_argument_group("cluster")
    cluster.add_argument(
        "--executor",
        choices=["here", "slurm", "local"],
        default="here",
        help="where runs are carried out; local is submitit's stand-in for a cluster "
        "(default: here)",
    )
    cluster.add_argument("--partition", help="Slurm's partition (default: Slurm's own)")
    cluster.add_argument(
        "--gpus-per-run",
        type=count,
        default=0,
        metavar="N",
        help="GPUs that each run gets (default: 0)",
    )
    cluster.add_argument(
        "--cpus-per-run",
        type=positive,
        default=1,
        metavar="N",
        help="CPU cores that each run gets (default: 1)",
    )
    cluster.add_argument(
        "--minutes",
        type=job_minutes,
        default=60,
        metavar="N",
        help="time limit of a job; a longer run is requeued and resumes (default: 60)",
    )
    cluster.add_argument(
        "--sbatch",
        type=pair,
        action=Each,
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
    """InputError for an option that would be ignored; naming GPUs selects the gpu."""
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
    count_option(parser)
    runs_option(parser)
    parser.add_argument(
        "--out", type=Path, help="sweep file to write (default: STUDY-missing.yaml)"
    )


def count_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--count",
        type=positive,
        metavar="N",
        help="number of runs of `method: random`, which needs it",
    )


def list_options(parser: argparse.ArgumentParser) -> None:
    kinds = ["blocks", "placements", "models", "encoders", "datasets"]
    parser.add_argument("kind", nargs="?", choices=kinds, help="default: all in short")


def network_options(parser: argparse.ArgumentParser, encoder: str) -> None:
    """The parts of a network with one block."""
    parser.add_argument(
        "--model", default="deeplabv3plus", help=f"{MODEL} (default: deeplabv3plus)"
    )
    parser.add_argument(
        "--encoder", default=encoder, help=f"{ENCODER} (default: {encoder})"
    )
    parser.add_argument(
        "--block", default="psa_parallel", help=f"{BLOCK} (default: psa_parallel)"
    )
    placement_option(parser)


MODEL = "segmentation model, see `ablate list models`"
ENCODER = "encoder, see `ablate list encoders`"
BLOCK = "attention block, see `ablate list blocks`, or my_file:MyBlock"


def placement_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--placement",
        default="residual",
        help="where blocks go, see `ablate list placements` (default: residual)",
    )


def wide_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wide",
        action="store_true",
        help="print every column, not only those that fit the terminal (else $COLUMNS, or "
        "100); files have them all",
    )


def out_option(parser: argparse.ArgumentParser, folder: str) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(folder),
        help=f"folder for files, written after the table is printed (default: {folder})",
    )


def where_options(parser: argparse.ArgumentParser) -> None:
    network_options(parser, encoder="resnet18")
    parser.add_argument(
        "--evaluation",
        choices=["direct", "fast"],
        default="fast",
        help="count blocks as published or as run here (default: fast)",
    )
    size_option(parser, (64, 64), "of the image")
    wide_option(parser)


def size_option(parser: argparse.ArgumentParser, default: tuple[int, int], of: str) -> None:
    parser.add_argument(
        "--size",
        type=size,
        default=default,
        metavar="HxW",
        help=f"height and width {of} in pixels, or one number for a square "
        f"(default: {default[0]})",
    )


def cost_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--block", action=Each, help=f"{BLOCK}; repeatable (default: every block)"
    )
    parser.add_argument(
        "--channels",
        type=channels,
        default=256,
        metavar="N",
        help="channels of a block alone (default: 256)",
    )
    size_option(parser, (64, 64), "of a block's input, or with --model of the image,")
    models = parser.add_mutually_exclusive_group()
    models.add_argument("--model", help=f"{MODEL} (default: the block alone)")
    models.add_argument(
        "--all", action="store_true", help="every smp model with each encoder"
    )
    parser.add_argument(
        "--encoder",
        action=Each,
        help=f"{ENCODER}; repeatable (default: resnet50, with --all also mobilenet_v2 and "
        "efficientnet-b0)",
    )
    placement_option(parser)
    parser.add_argument(
        "--convention",
        default="macs",
        help="what is counted: macs, fvcore, torch, thop, hrnet or closed_form "
        "(default: macs)",
    )
    parser.add_argument(
        "--classes",
        type=classes,
        default=21,
        metavar="N",
        help="classes that the model tells apart (default: 21)",
    )
    out_option(parser, "runs/cost")
    wide_option(parser)


def reproduce_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paper", choices=["psa"], help="Polarized Self-Attention")
    parser.add_argument(
        "--convention",
        help="count FLOPs by this convention of `ablate cost` in every table (default: as "
        "the authors of each table did)",
    )
    out_option(parser, "runs/psa")
    wide_option(parser)


def bench_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--block",
        action=Each,
        help=f"{BLOCK}; repeatable (default: psa_parallel and psa_sequential)",
    )
    parser.add_argument(
        "--shape",
        type=shape,
        action=Each,
        metavar="BxCxHxW",
        help="of the input; repeatable (default: 1x512x64x64, 4x256x64x64, 8x64x128x128)",
    )
    parser.add_argument(
        "--dtype",
        choices=["float32", "float16", "bfloat16"],
        action=Each,
        help="of input and parameters; repeatable (default: float32)",
    )
    parser.add_argument(
        "--compiled",
        action="store_true",
        help="time torch.compile of the published form too; needs a C++ compiler, and up "
        "to minutes for each case",
    )
    timing_options(parser, "bench")


def bench_model_options(parser: argparse.ArgumentParser) -> None:
    network_options(parser, encoder="resnet50")
    size_option(parser, (512, 512), "of the images")
    parser.add_argument(
        "--batch-size",
        type=two_or_more,
        default=2,
        metavar="N",
        help="images per step; batch norms need two (default: 2)",
    )
    timing_options(parser, "bench-model")


def timing_options(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], help="default: cuda if it is there"
    )
    parser.add_argument(
        "--threads",
        type=threads,
        default=1,
        metavar="N",
        help="CPU threads (default: 1)",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        default=11,
        metavar="N",
        help="timings of each function, of which the median is shown (default: 11)",
    )
    out_option(parser, "runs/bench")
    parser.add_argument(
        "--name", type=plain_name, default=name, help=f"of the files (default: {name})"
    )
    wide_option(parser)


def show_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", help="data set, see `ablate list datasets`")
    parser.add_argument(
        "--split",
        choices=["train", "val", "test"],
        default="train",
        help="part of the data set (default: train)",
    )
    parser.add_argument(
        "--size",
        type=sheet_side,
        default=64,
        metavar="N",
        help="side of the images, in pixels (default: 64)",
    )
    parser.add_argument(
        "--count",
        type=positive,
        default=24,
        metavar="N",
        help="number of images, the first of the split (default: 24)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="picture to write, or an existing folder for it (default: DATASET-SPLIT.png)",
    )
    data_option(parser, os.environ.get("ABLATE_DATA"))


def report_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="RUNS", help="folder of records, or wandb:ENTITY/PROJECT/SWEEP"
    )
    parser.add_argument("--sweep", type=Path, help="sweep file that says what was planned")
    count_option(parser)
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="for records of W&B"
    )
    parser.add_argument("--out", type=Path, help="default: RUNS/report")
    parser.add_argument(
        "--wandb",
        choices=["offline", "online"],
        help="attach the report to the study's group in Weights & Biases, as a run's files",
    )
