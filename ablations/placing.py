"""Blocks put at the places that a text such as `stages@4-5+decoder` selects."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch import nn

from ablations.errors import InputError
from ablations.insertion import BuildBlock, Place, PlacedBlock
from ablations.own_code import OWN_SECONDS, own_errors
from ablations.place_notation import Term, parse_placement
from ablations.placements import find_name
from ablations.stages import find_stages
from ablations.time_limit import at_most


def insert(model: nn.Module, placement: str, build: BuildBlock) -> list[PlacedBlock]:
    """Put the block that build returns for a number of channels at each place."""
    return [
        put(model, placement, place, build(place.channels))
        for place in find_places(model, placement)
    ]


def put(model: nn.Module, placement: str, place: Place, block: nn.Module) -> PlacedBlock:
    with own_errors(f"placement {placement!r}, {place.path}"):
        place.put(block)
        if dict(model.named_modules()).get(place.path) is not block:
            raise InputError("the block that was put there is not found at this path")
    return PlacedBlock(place.path, place.channels, block)


def find_places(model: nn.Module, placement: str) -> list[Place]:
    """The places that a placement selects, in the order of its terms and of the model.

    Raises InputError for what the model lacks, and for a place that is selected twice.
    """
    try:
        terms = parse_placement(placement)
        places = [place for term in terms for place in places_of(model, term)]
        check_apart(places)
    except InputError as error:
        raise InputError(f"{type(model).__name__}, {placement}: {error}") from None
    return places


def places_of(model: nn.Module, term: Term) -> Sequence[Place]:
    places = every_place(model, term)
    if term.stages is None:
        return places[:: term.every]
    stages = find_stages(model, lambda network: every_place(network, term))
    chosen = [place for place in places if stages.get(place.path) in term.stages]
    if not chosen:
        raise InputError(no_place(term, sorted(set(stages.values()))))
    return chosen


def every_place(model: nn.Module, term: Term) -> Sequence[Place]:
    """The places of a term without its selector."""
    find = find_name(term.part)
    if ":" not in term.part.name:
        return find(model)
    with own_errors(str(term.part)), at_most(OWN_SECONDS, "the placement"):
        return checked(find(model))


def checked(places: Any) -> Sequence[Place]:
    """InputError unless a user's own placement returned what it must."""
    if not isinstance(places, list):
        raise InputError(
            f"returns {type(places).__name__}, but must return a list of places"
        )
    if not places:
        raise InputError("returns no place")
    for place in places:
        if not isinstance(place, Place):
            raise InputError(
                f"returns a list with {type(place).__name__} in it, but must return places"
            )
        if not isinstance(place.path, str) or not is_number_of_channels(place.channels):
            raise InputError(
                f"{place.path!r} with {place.channels!r} channels is not a place: it needs "
                "a path and a positive whole number"
            )
    return places


def is_number_of_channels(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def no_place(term: Term, stages: Sequence[int]) -> str:
    if not stages:
        return f"{term.part} has no places in the encoder, so none in a stage"
    known = ", ".join(map(str, stages))
    return f"no place of {term.part} is in {wanted(term)} (it has places in: {known})"


def wanted(term: Term) -> str:
    stages = term.stages or range(0)
    return f"stage {stages[0]}" if len(stages) == 1 else f"stages {stages[0]}-{stages[-1]}"


def check_apart(places: Sequence[Place]) -> None:
    """InputError if a path would hold two blocks, or one block inside another."""
    counts = Counter(place.path for place in places)
    for path, count in counts.items():
        if count > 1:
            raise InputError(f"{path} would hold {count} blocks")
        for end in range(len(path)):
            if path[end] == "." and path[:end] in counts:
                raise InputError(f"{path} would be inside the block {path[:end]}")
