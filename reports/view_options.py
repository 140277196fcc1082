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
    "columns": "keys in its columns, such as placement or dataset,encoder; or, without "
    "--rows, columns of the tables of settings by name, such as block,miou,gain,params",
    "group": "keys with a table for each of their values",
    "best-per": "for each value of these keys, take all other keys at their best on the "
    "validation split, such as block for the best lr per block",
}


def view_options(parser: argparse.ArgumentParser) -> None:
    """Nothing heavy is imported: the metrics are read from their file."""
    for name, text in OPTIONS.items():
        read = listed if name == "columns" else keys
        parser.add_argument(f"--{name}", type=read, default=(), metavar="NAMES", help=text)
    parser.add_argument(
        "--metric",
        type=metric,
        help=f"number in its cells: {', '.join(metrics())} (default: by what was trained)",
    )


def split_columns(args: argparse.Namespace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What --columns names: keys in the columns of a view, or columns of tables.

    They are keys if --rows asks for a view, or if all are keys and not just `block`, which
    is also a column. InputError for an unknown key; unknown columns are noticed later.
    """
    names: tuple[str, ...] = args.columns
    if args.rows or (names not in ((), ("block",)) and set(names) <= set(KEYS)):
        for name in names:
            if name not in KEYS:
                raise unknown_name("key", name, KEYS)
        return names, ()
    return (), names


def asked_view(args: argparse.Namespace, columns: tuple[str, ...]) -> "View | None":
    """The view that options ask for, with empty parts to be chosen; None without any."""
    from reports.views import View

    view = View(args.rows, columns, args.metric or "", args.group, args.best_per)
    return None if view == View((), (), "") else view


def keys(text: str) -> tuple[str, ...]:
    return tuple(known("key", name, KEYS) for name in listed(text))


def listed(text: str) -> tuple[str, ...]:
    """The names in a list such as block,miou,gain; each may occur once."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(
            f"{text!r}: write names between commas, as in block,miou,gain"
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise argparse.ArgumentTypeError(f"{twice[0]!r} is given twice")
    return names


def metric(text: str) -> str:
    return known("metric", text, metrics())


def metrics() -> list[str]:
    return [key for key, _ in registry(source("reports", "view_metrics.py"), "METRICS")]


def known(kind: str, name: str, choices: Iterable[str]) -> str:
    if name not in choices:
        raise argparse.ArgumentTypeError(str(unknown_name(kind, name, choices)))
    return name
