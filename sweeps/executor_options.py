"""The flags of the executors, derived from the fields of their models."""

from argparse import ArgumentParser, Namespace
from typing import Any

from pydantic.fields import FieldInfo

from ablations.errors import InputError
from ablations.model_options import (
    add_flag,
    default_text,
    flag,
    from_options,
    option_fields,
)
from ablations.options import DEFAULT
from sweeps.executors import EXECUTORS

Owners = dict[str, FieldInfo]  # the fields of one option, by executor


def executor_options(parser: ArgumentParser) -> None:
    """Add --executor, and one group of flags for each set of executors that shares them."""
    meanings = "; ".join(f"{name}: {entry.meaning}" for name, entry in EXECUTORS.items())
    parser.add_argument(
        "--executor",
        choices=list(EXECUTORS),
        default="here",
        help=f"where runs are carried out {DEFAULT}; {meanings}",
    )
    groups: dict[tuple[str, ...], Any] = {tuple(EXECUTORS): parser}
    for name, owners in options().items():
        names = tuple(owners)
        if names not in groups:
            title = f"only with --executor {' or '.join(names)}"
            groups[names] = parser.add_argument_group(title)
        add_flag(groups[names], name, next(iter(owners.values())), defaults(owners))


def options() -> dict[str, Owners]:
    """All options, with the executors that take each."""
    fields: dict[str, Owners] = {}
    for executor, entry in EXECUTORS.items():
        for name, field in option_fields(entry.options).items():
            fields.setdefault(name, {})[executor] = field
    return fields


def defaults(owners: Owners) -> str:
    """One default, or one for each executor."""
    texts: dict[str, list[str]] = {}
    for executor, field in owners.items():
        texts.setdefault(default_text(field.default), []).append(executor)
    if len(texts) == 1:
        return next(iter(texts))
    return ", ".join(f"{text} with {' and '.join(names)}" for text, names in texts.items())


def chosen_options(args: Namespace) -> Any:
    """The options of the chosen executor; InputError for a flag that it would ignore."""
    for name, owners in options().items():
        usual = next(iter(owners.values())).default
        if args.executor not in owners and getattr(args, name, usual) != usual:
            raise InputError(f"{flag(name)} has no effect with --executor {args.executor}")
    return from_options(EXECUTORS[args.executor].options, vars(args))
