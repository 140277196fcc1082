"""The notation of placements: `residual@3-4`, `stages@4-5+decoder`, `my_file:f@every2`.

Terms are joined by +. Each is a placement, with its options if it is a user's own, and
after @ which of its places: those in a stage, in a range of stages, or every second one.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from ablations import catalogue
from ablations.errors import InputError, quoted
from ablations.notation import LONGEST, Part, parse_part, split_outside

SELECTOR = re.compile(r"(\d{1,4}) *(?:- *(\d{1,4}))?|every *(\d{1,4})")


class Term(NamedTuple):
    """A placement and which of its places; its text is its one spelling."""

    part: Part
    stages: range | None = None  # None: every place, whatever its stage
    every: int = 1  # of each so many places, the first

    def __str__(self) -> str:
        if self.stages:
            first, last = self.stages[0], self.stages[-1]
            return f"{self.part}@{first}" + (f"-{last}" if last > first else "")
        return f"{self.part}@every{self.every}" if self.every > 1 else str(self.part)


def placement_spelling(text: str) -> str:
    """The text that equal placements share. InputError for a wrong notation."""
    return "+".join(map(str, parse_placement(text)))


def parse_placement(text: str) -> list[Term]:
    """The terms in registry order, then a user's own; adjacent stages are one range."""
    if len(text) > LONGEST:
        raise InputError(f"is longer than {LONGEST:,} characters")
    terms = [parse_term(term) for term in split_outside(text, "+")]
    return list(joined(sorted(terms, key=rank)))


def parse_term(text: str) -> Term:
    name, *selectors = split_outside(text, "@")
    if not name:
        raise InputError("a placement's name is missing")
    part = parse_part(name)
    if not selectors:
        return Term(part)
    match = SELECTOR.fullmatch(selectors[0]) if len(selectors) == 1 else None
    if not match:
        raise InputError(
            f"{quoted('@'.join(selectors))} does not say which places; write a stage as "
            "name@3, stages as name@3-4, every second place as name@every2"
        )
    if match[3]:
        return every(part, int(match[3]))
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise InputError(f"stages {first}-{last}: the first is greater than the last")
    return Term(part, range(first, last + 1))


def every(part: Part, number: int) -> Term:
    if not number:
        raise InputError("every0 is no place; every2 is every second one")
    return Term(part, every=number)


def rank(term: Term) -> tuple[int, str, int, int]:
    names = registered()
    place = names.index(term.part.name) if term.part.name in names else len(names)
    first = term.stages.start if term.stages else -1
    return place, str(term.part), first, term.every


@cache
def registered() -> list[str]:
    """The suite's placements in their order; nothing is imported."""
    return list(catalogue.placements())


def joined(terms: list[Term]) -> Iterator[Term]:
    """Merge terms of one placement whose stages follow each other."""
    last: Term | None = None
    for term in terms:
        both = together(last, term) if last else None
        if last and not both:
            yield last
        last = both or term
    if last:
        yield last


def together(first: Term, second: Term) -> Term | None:
    """One term for two of the same placement, if the second's stages follow the first's."""
    if first.part != second.part or not (first.stages and second.stages):
        return None
    if first.stages.stop != second.stages.start:
        return None
    return Term(first.part, range(first.stages.start, second.stages.stop))
