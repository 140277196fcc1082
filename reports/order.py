"""The order of settings, rows and columns: that of registries and numbers, never of hashes.

None comes first, then numbers, then names: those of a registry in its order, then others,
such as a user's own, as people sort them: resnet18, resnet34, resnet101. Options are sorted
by their values.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, get_args

from ablations import catalogue
from ablations.errors import InputError
from ablations.notation import Part, parse_part, split_outside
from ablations.place_notation import Term, parse_placement
from ablations.run_config import RunConfig
from ablations.wrappers import WRAPPERS, unwrapped

Rank = tuple[Any, ...]  # of values of one key, which can be compared with each other


@lru_cache(65_536)
def rank(key: str, value: Any) -> Rank:
    """The place of a value of a configuration's key among all values of that key."""
    if not isinstance(value, str):
        return value_rank(value)
    return 2, TEXTS.get(key, choice_rank(key))(value), value


def value_rank(value: Any) -> Rank:
    """The place of an option's value: None, numbers, texts, lists, dicts."""
    if value is None:
        return (0,)
    if isinstance(value, bool | int | float):
        return 1, value
    if isinstance(value, list | tuple):
        return 3, [value_rank(item) for item in value]
    if isinstance(value, dict):
        return 4, [(natural(key), value_rank(value[key])) for key in sorted(value)]
    return 2, natural(str(value))


def natural(text: str) -> list[Any]:
    """Words and numbers in turn, without regard to case.

    A number is its count of digits and then its digits, so that it may have any length.
    """
    pieces: list[Any] = re.split("([0-9]+)", text.casefold())
    for place in range(1, len(pieces), 2):
        digits = pieces[place].lstrip("0")
        pieces[place] = len(digits), digits
    return pieces


def part_rank(key: str, part: Part) -> Rank:
    """The place of a part: by its name, what it is built around, and its options."""
    inner = [part_rank(key, part.inner)] if part.inner else []
    options = [(natural(name), value_rank(part.options[name])) for name in part.options]
    return place(key, part.name), natural(part.name), inner, sorted(options)


def place(key: str, name: str) -> int:
    names = places(key)
    return names.get(name, len(names))


@cache
def places(key: str) -> Mapping[str, int]:
    """The place of each registered name; nothing heavy is imported."""
    names = catalogue.NAMES[key]() if key in catalogue.NAMES else {}
    return {name: number for number, name in enumerate(names)}


def text_rank(key: str, text: str) -> Rank:
    """Of a part; one with a mistake in its notation is a name that is not registered."""
    try:
        return part_rank(key, parse_part(text))
    except InputError:
        return part_rank(key, Part(text, None, {}))


def block_rank(text: str) -> Rank:
    """What is built around a block, such as its start and its controls, follows it."""
    block, wrappers = unwrapped(text)
    return text_rank("block", block), [list(WRAPPERS).index(name) for name in wrappers]


def placement_rank(text: str) -> list[Rank]:
    try:
        return [term_rank(term) for term in parse_placement(text)]
    except InputError:
        return [term_rank(Term(Part(text, None, {})))]


def term_rank(term: Term) -> Rank:
    """All places, then those of a stage or of several, then every second one."""
    stages = (term.stages.start, term.stages.stop) if term.stages else (-1, -1)
    return part_rank("placement", term.part), term.every, stages


def loss_rank(text: str) -> list[Rank]:
    try:
        return [text_rank("loss", term) for term in split_outside(text, "+")]
    except InputError:
        return [text_rank("loss", text)]


def choice_rank(key: str) -> Callable[[str], Rank]:
    """For a key with listed values their order, else as people sort texts."""
    field = RunConfig.model_fields.get(key)
    listed = get_args(field.annotation) if field else ()
    known = {value: number for number, value in enumerate(listed)}
    return lambda text: (known.get(text, len(known)), natural(text))


TEXTS: dict[str, Callable[[str], Any]] = {
    "block": block_rank,
    "placement": placement_rank,
    "loss": loss_rank,
    "model": lambda text: text_rank("model", text),
    "encoder": lambda text: text_rank("encoder", text),  # as people sort names
    "dataset": lambda text: text_rank("dataset", text),
    "augmentation": lambda text: text_rank("augmentation", text),
    "protocol": lambda text: text_rank("protocol", text),
}
