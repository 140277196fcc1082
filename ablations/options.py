"""The options that several verbs share."""

import argparse
import os
from pathlib import Path
from typing import Any

from ablations.errors import InputError, quoted
from ablations.option_types import Each, part, positive, size, up_to
from ablations.spelling import one_spelling

DEFAULT = "(default: %(default)s)"  # argparse fills in the value
MODEL = "segmentation model, see `ablate list models`"
ENCODER = "encoder, see `ablate list encoders`"
BLOCK = "attention block, see `ablate list blocks`, or my_file:MyBlock"

rounds = up_to(10_000, "rounds")
seconds = up_to(86_400, "seconds, a day")
threads = up_to(os.cpu_count() or 1, "threads, the CPUs of this machine")


def network_options(parser: argparse.ArgumentParser, encoder: str) -> None:
    """The parts of a network with one block."""
    for kind, default, text in (
        ("model", "deeplabv3plus", MODEL),
        ("encoder", encoder, ENCODER),
        ("block", "psa_parallel", BLOCK),
    ):
        parser.add_argument(
            f"--{kind}",
            type=part(kind),
            default=default,
            metavar=kind.upper(),
            help=f"{text} {DEFAULT}",
        )
    placement_option(parser)


def blocks_option(parser: argparse.ArgumentParser, default: str) -> None:
    """Several blocks; default says in words which, if none is given."""
    parser.add_argument(
        "--block",
        type=part("block"),
        action=Each,
        help=f"{BLOCK}; repeatable (default: {default})",
    )


def channels_option(
    parser: argparse.ArgumentParser, largest: int, default: int, of: str
) -> None:
    parser.add_argument(
        "--channels",
        type=up_to(largest, "channels"),
        default=default,
        metavar="N",
        help=f"channels of {of} {DEFAULT}",
    )


def evaluation_option(parser: argparse.ArgumentParser, verb: str) -> None:
    parser.add_argument(
        "--evaluation",
        choices=["direct", "fast"],
        default="fast",
        help=f"{verb} blocks as published or as run here {DEFAULT}",
    )


def placement_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--placement",
        type=placement,
        default="residual",
        help="where blocks go, such as residual@3-4 or stages+decoder, see `ablate list "
        f"placements` {DEFAULT}",
    )


def placement(text: str) -> str:
    """The one spelling of a placement."""
    try:
        return one_spelling("placement", text)
    except InputError as error:
        raise argparse.ArgumentTypeError(f"{quoted(text)}: {error}") from None


def size_option(parser: argparse.ArgumentParser, default: tuple[int, int], of: str) -> None:
    height, width = default
    usual = f"{height}" if height == width else f"{height}x{width}"
    parser.add_argument(
        "--size",
        type=size,
        default=default,
        metavar="HxW",
        help=f"height and width {of} in pixels, or one number for a square "
        f"(default: {usual})",
    )


def wide_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wide",
        action="store_true",
        help="print every column, not only those that fit the terminal (its width: "
        "$COLUMNS if set; 100 without a terminal)",
    )


def open_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--open",
        action="store_true",
        help="open the page in a browser; without one, print where the page is",
    )


def timing_options(parser: argparse.ArgumentParser) -> None:
    """Where and how often things are timed."""
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], help="default: cuda if available"
    )
    parser.add_argument(
        "--threads",
        type=threads,
        default=1,
        metavar="N",
        help=f"CPU threads {DEFAULT}",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        default=11,
        metavar="N",
        help=f"timings per function; the median is shown {DEFAULT}",
    )


def call_option(parser: argparse.ArgumentParser) -> None:
    """What takes longer is not measured, and says so."""
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=60,
        metavar="N",
        help="the most that one call may take; what takes longer or needs more memory than "
        f"is free is left out with the reason {DEFAULT}",
    )


def out_option(parser: argparse.ArgumentParser, folder: str) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(folder),
        help=f"folder for files, which are written after the table is printed {DEFAULT}",
    )


def files_option(parser: argparse.ArgumentParser) -> None:
    """Without it, a page is only printed."""
    parser.add_argument("--out", type=Path, help="folder for files (default: no files)")


def sweep_file_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="sweep file (YAML)")
    count_option(parser)


def count_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--count",
        type=positive,
        metavar="N",
        help="number of runs; `method: random` needs it or run_cap",
    )


def runs_option(parser: Any, holds: str = "folder of records") -> None:
    """A flag without a default: see lightning_modules.execution.with_defaults."""
    parser.add_argument(
        "--runs",
        type=Path,
        default=argparse.SUPPRESS,
        help=f"{holds} (default: $ABLATE_RUNS, else runs)",
    )
