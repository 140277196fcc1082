"""The options that a named part can be built with: known from its signature, checked."""

import inspect
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from ablations.errors import InputError, quoted, unknown_name
from ablations.notation import Part, parse_part, plain

Build = Callable[..., Any]
Given = Collection[str] | int  # arguments that are not options: names, or how many at first

NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True)
ANY = inspect.Parameter.VAR_KEYWORD


def plain_part(kind: str, text: str) -> Part:
    """A part that is built around no other; InputError names it and says what is wrong."""
    with naming(kind, text):
        part = parse_part(text)
        if part.inner:
            raise InputError(f"{quoted(str(part.inner))} is not an option, such as depth=4")
    return part


@contextmanager
def naming(kind: str, text: str) -> Iterator[None]:
    """Errors begin with the part that is wrong."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{kind} {quoted(text)}: {error}") from None


def with_options(build: Build, options: Mapping[str, Any], given: Given) -> Build:
    """build with options filled in.

    given names the arguments that are not options, or says how many positional ones there
    are. Raises InputError for an unknown option and for a value of a wrong type. A build
    that takes **kwargs is trusted with any option.
    """
    if not options:
        return build
    known = named_options(build, given)
    if known is not None and not takes_any(build):
        check_known(options, known)
    return partial(build, **checked_options(build, options))


def check_known(options: Mapping[str, Any], known: Collection[str]) -> None:
    """InputError for the first option that is not among the known ones."""
    for name, value in options.items():
        if not known:
            raise InputError(f"takes no options, so not {name} = {quoted(value)}")
        if name not in known:
            raise unknown_name("option", name, known)


def checked_options(build: Build, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as build's annotations say; InputError for a value of a wrong type."""
    hints = type_hints(build)
    return {name: checked(name, value, hints) for name, value in options.items()}


def changed_options(
    build: Build, options: Mapping[str, Any], given: Given
) -> dict[str, Any]:
    """Options in one spelling: as literals of the annotated type, without defaults."""
    defaults = named_options(build, given) or {}
    values = {name: plain(value) for name, value in checked_options(build, options).items()}
    return {
        name: value
        for name, value in values.items()
        if not is_default(value, defaults.get(name, inspect.Parameter.empty))
    }


def is_default(value: Any, default: Any) -> bool:
    """Whether a literal is the default; 1, 1.0 and True differ."""
    try:
        return repr(value) == repr(plain(default))
    except ValueError:  # the default is not a literal
        return False


def named_options(build: Build, given: Given) -> dict[str, Any] | None:
    """Names and defaults of the options in a signature; None if it has no signature."""
    try:
        parameters = list(inspect.signature(build).parameters.values())
    except (TypeError, ValueError):
        return None
    if isinstance(given, int):
        parameters = parameters[given:]
    else:
        parameters = [each for each in parameters if each.name not in given]
    return {each.name: each.default for each in parameters if each.kind in NAMED}


def takes_any(build: Build) -> bool:
    parameters = inspect.signature(build).parameters.values()
    return any(each.kind == ANY for each in parameters)


def type_hints(build: Build) -> dict[str, Any]:
    target = build.func if isinstance(build, partial) else build
    try:
        function = target.__init__ if inspect.isclass(target) else target
        return get_type_hints(function, include_extras=True)  # with bounds of numbers
    except Exception:  # annotations are a user's code
        return {}


def checked(name: str, value: Any, hints: Mapping[str, Any]) -> Any:
    """The value as its annotation says: 4 becomes 4.0 for a float, a list a tuple."""
    if name not in hints:
        return value
    try:
        return validated(TypeAdapter(hints[name], config=STRICT), value)
    except PydanticUserError:
        return value
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        inside = "".join(f"[{part}]" for part in problem["loc"] if isinstance(part, int))
        raise InputError(
            f"{name}{inside} = {quoted(problem['input'])}: {problem['msg']}"
        ) from None


def validated(adapter: TypeAdapter[Any], value: Any) -> Any:
    """Strict, except that a list is also what another kind of sequence is written as."""
    if not isinstance(value, list | dict):
        return adapter.validate_python(value)
    result = adapter.validate_json(json.dumps(value))
    return list(result) if isinstance(result, Iterator) else result
