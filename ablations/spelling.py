"""One spelling for parts that mean the same: options equal to their defaults are left out.

A part whose options cannot be known here keeps them, sorted and spaced in one way: a user's
own block is not imported to spell its name, and an unknown option is an error only where
the part is built. So a record can be read whatever it names.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ablations.notation import Part, parse_part, split_outside
from ablations.place_notation import placement_spelling

Options = Mapping[str, Any]


@lru_cache(4096)
def one_spelling(kind: str, text: str) -> str:
    """The spelling of a block, placement, model, encoder, data set, augmentation or loss.

    Raises InputError for a text that is not a part at all.
    """
    if kind == "placement":  # a sum of parts
        return placement_spelling(text)
    if kind == "loss":  # likewise
        terms = [parse_part(term) for term in split_outside(text, "+")]
        return "+".join(str(spelled(kind, term)) for term in terms)
    return str(spelled(kind, parse_part(text)))


def spelled(kind: str, part: Part) -> Part:
    """Imports what defines the part only if it has options."""
    inner = spelled(kind, part.inner) if part.inner else None
    options: Options = part.options
    if options and kind in CHANGED and ":" not in part.name:
        with suppress(Exception):  # where the part is built, the error is reported
            options = CHANGED[kind](part.name, options)
    return Part(part.name, inner, dict(options))


def of_block(name: str, options: Options) -> Options:
    from ablations.attention import BLOCKS
    from ablations.part_options import changed_options

    return changed_options(BLOCKS[name].build, options, given=1)


def of_model(name: str, options: Options) -> Options:
    from ablations.encoders import SET_ELSEWHERE, model_class
    from ablations.part_options import changed_options

    return changed_options(model_class(name), options, given=SET_ELSEWHERE)


def of_encoder(name: str, options: Options) -> Options:
    """No option is left out: each of timm's models has defaults of its own."""
    from ablations.encoders import timm_class
    from ablations.notation import plain
    from ablations.part_options import checked_options

    values = checked_options(timm_class(name), options)
    return {key: plain(value) for key, value in values.items()}


def of_dataset(name: str, options: Options) -> Options:
    """The defaults are read from the data set's file, which is on a floor above."""
    from ast import literal_eval

    from ablations.part_options import is_default
    from ablations.signatures import dataset_options

    defaults = dataset_options()[name]
    return {
        key: value
        for key, value in options.items()
        if not (defaults.get(key) and is_default(value, literal_eval(defaults[key])))
    }


CHANGED: dict[str, Callable[[str, Options], Options]] = {
    "block": of_block,
    "model": of_model,
    "encoder": of_encoder,
    "dataset": of_dataset,
}
