"""Flags made from the described fields of a model, and defined nowhere else."""

import argparse
import types
from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ablations.option_types import Reading

Model = TypeVar("Model", bound=BaseModel)


def option_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields that users can set: those with a description."""
    return {name: field for name, field in model.model_fields.items() if field.description}


def add_flags(parser: Any, model: type[BaseModel], without: Collection[str] = ()) -> None:
    """One flag for each field; a flag that the user omits is absent from the result."""
    for name, field in option_fields(model).items():
        if name not in without:
            add_flag(parser, name, field)


def add_flag(parser: Any, name: str, field: FieldInfo, default: str | None = None) -> None:
    """The help states the default, unless the description does so itself."""
    text = str(field.description)
    default = default_text(field.default) if default is None else default
    parser.add_argument(
        flag(name),
        default=argparse.SUPPRESS,
        help=text if "(default:" in text else f"{text} (default: {default})",
        **reading(field),
    )


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def default_text(value: object) -> str:
    return "none" if value is None or value == () else str(value)


def reading(field: FieldInfo) -> dict[str, Any]:
    """How argparse reads a field: as its annotation says, or else by its type."""
    for entry in field.metadata:
        if isinstance(entry, Reading):
            return entry.details()
    annotation: Any = field.annotation
    if (
        type(None) in get_args(annotation)
        and get_origin(get_args(annotation)[0]) is Literal
    ):
        annotation = get_args(annotation)[
            0
        ]  # None: another default than one of the choices
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(annotation) is Literal:
        return {"choices": get_args(annotation)}
    if get_origin(annotation) is types.UnionType:
        kind = get_args(annotation)[0]
        return {"type": lambda text: None if text == "none" else kind(text), "metavar": "X"}
    return {"type": annotation, "metavar": annotation.__name__.upper()}


def from_options(model: type[Model], options: Mapping[str, Any]) -> Model:
    """The model, from those of the options that are fields of it."""
    fields = option_fields(model)
    return model(**{name: value for name, value in options.items() if name in fields})
