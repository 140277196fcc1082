"""The options that choose a view over settings."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ablations.catalogue import registry, source
from ablations.errors import unknown_name
from ablations.run_config import RunConfig

if TYPE_CHECKING:
    from reports.views import View

KEYS = [key for key in RunConfig.model_fields if key != "repeat"]  # repeats are no seeds
OPTIONS = {
    "rows": "keys of the configuration in the rows of a view over all settings, such as "
    "block or block,lr (default: by what varies)",
    "columns": "keys in its columns, such as placement or dataset,encoder",
    "group": "keys with a table for each of their values",
    "best-per": "for each value of these keys, take all other keys at their best on the "
    "validation split, such as block for the best lr per block",
}


def view_options(parser: argparse.ArgumentParser) -> None:
    """Nothing heavy is imported: the metrics are read from their file."""
    for name, text in OPTIONS.items():
        parser.add_argument(f"--{name}", type=keys, default=(), metavar="KEYS", help=text)
    parser.add_argument(
        "--metric",
        type=metric,
        help=f"number in its cells: {', '.join(metrics())} (default: by what was trained)",
    )


def asked_view(args: argparse.Namespace) -> "View | None":
    """The view that options ask for, with empty parts to be chosen; None without any."""
    from reports.views import View

    view = View(args.rows, args.columns, args.metric or "", args.group, args.best_per)
    return None if view == View((), (), "") else view


def keys(text: str) -> tuple[str, ...]:
    from_user = [name.strip() for name in text.split(",")]
    return tuple(known("key", name, KEYS) for name in from_user)


def metric(text: str) -> str:
    return known("metric", text, metrics())


def metrics() -> list[str]:
    return [key for key, _ in registry(source("reports", "view_metrics.py"), "METRICS")]


def known(kind: str, name: str, choices: Iterable[str]) -> str:
    if name not in choices:
        raise argparse.ArgumentTypeError(str(unknown_name(kind, name, choices)))
    return name
