"""The options that a named part can be built with: known from its signature, checked."""

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from ablations.errors import InputError, quoted, unknown_name

Build = Callable[..., Any]

NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True)


def with_options(
    build: Build,
    options: Mapping[str, Any],
    given: Collection[str] | int,
) -> Build:
    """build with options filled in.

    given names the arguments that are not options, or says how many positional ones there
    are. Raises InputError for an unknown option and for a value of a wrong type.
    """
    if not options:
        return build
    known = options_of(build, given)
    for name in options:
        if known is not None and name not in known:
            if not known:
                raise InputError(
                    f"takes no options, so not {name} = {quoted(options[name])}"
                )
            raise unknown_name("option", name, known)
    hints = type_hints(build)
    values = {name: checked(name, value, hints) for name, value in options.items()}
    return partial(build, **values)


def options_of(build: Build, given: Collection[str] | int) -> dict[str, Any] | None:
    """Names and defaults of options; None if any name is accepted, or none can be known."""
    try:
        parameters = list(inspect.signature(build).parameters.values())
    except (TypeError, ValueError):
        return None
    if isinstance(given, int):
        parameters = parameters[given:]
    else:
        parameters = [each for each in parameters if each.name not in given]
    if any(each.kind == each.VAR_KEYWORD for each in parameters):
        return None
    return {each.name: each.default for each in parameters if each.kind in NAMED}


def type_hints(build: Build) -> dict[str, Any]:
    target = build.__init__ if inspect.isclass(build) else build
    try:
        return get_type_hints(target)
    except Exception:  # annotations are a user's code
        return {}


def checked(name: str, value: Any, hints: Mapping[str, Any]) -> Any:
    """The value as its annotation says: 4 becomes 4.0 for a float."""
    if name not in hints:
        return value
    try:
        return TypeAdapter(hints[name], config=STRICT).validate_python(value)
    except PydanticUserError:
        return value
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise InputError(f"{name} = {quoted(value)}: {problem}") from None
