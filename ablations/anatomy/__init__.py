"""What a block does as a function, measured without training."""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch

from ablations.anatomy.contexts import Contexts, contexts_of
from ablations.anatomy.form import Form, form_of
from ablations.anatomy.intensity import Intensity, intensity_of
from ablations.anatomy.reach import Reach, reach_of
from ablations.anatomy.responses import check_independent
from ablations.anatomy.specimen import Specimen
from ablations.anatomy.start import Start, start_of
from ablations.anatomy.symmetry import Symmetry, symmetry_of
from ablations.blocks import is_ours
from ablations.contract import Size, check_block
from ablations.controls import resolve
from ablations.errors import InputError
from ablations.own_code import OWN_SECONDS, own_errors
from ablations.passes import default_dtype, plain_operators
from ablations.threads import on_threads
from ablations.time_limit import at_most

CHANNELS, SIZE = 32, (10, 12)
COST_CHANNELS, COST_SIZE = 256, (64, 64)  # of the intensity
SMALLEST_SIDE, MOST_ENTRIES = 10, 2500
SECONDS = 6 * OWN_SECONDS


class Anatomy(NamedTuple):
    block: str
    form: Form
    reach: Reach
    contexts: Contexts
    symmetry: Symmetry
    start: Start
    intensity: Intensity


def anatomy_of(block: str, channels: int = CHANNELS, size: Size = SIZE) -> Anatomy:
    """The anatomy of a block, by its text; the same every time.

    Form, reach, contexts and symmetry are those of the awake block (specimen.py), the start
    is that of the block as it is built, both on maps of channels and size; the intensity
    is that of one image on COST_CHANNELS channels of COST_SIZE. Raises InputError for a
    block that cannot be built, breaks the contract of blocks or takes too long.
    """
    check_map(channels, size)
    check_block(resolve(block, channels, size), channels, size)
    with own_errors(f"block {block!r} has no anatomy in float64"), time_limit(block):
        return taken_apart(Specimen(block, channels, size))


def check_map(channels: int, size: Size) -> None:
    """InputError for a map without places for its measurements, or that takes too long."""
    height, width = size
    if min(size) < SMALLEST_SIDE:
        raise InputError(f"size {height}x{width}: sides must be at least {SMALLEST_SIDE}")
    entries = channels * (height // 2) * (width // 2)
    if entries > MOST_ENTRIES:
        raise InputError(
            f"{channels} channels of {height}x{width}: the Jacobian on half the sides has "
            f"{entries:,} columns, and at most {MOST_ENTRIES:,} are measured"
        )


def taken_apart(specimen: Specimen) -> Anatomy:
    with (
        torch.random.fork_rng(devices=[]),
        on_threads(1),
        plain_operators(),
        default_dtype(torch.float64),
    ):
        torch.manual_seed(0)
        check_independent(specimen.awake(), specimen.noise())
        form = form_of(specimen)
        reach, contexts = reach_of(specimen), contexts_of(specimen, form)
        symmetry, start = symmetry_of(specimen, form), start_of(specimen)
    intensity = intensity_of(specimen.block, COST_CHANNELS, COST_SIZE)
    return Anatomy(specimen.block, form, reach, contexts, symmetry, start, intensity)


def time_limit(block: str) -> AbstractContextManager[None]:
    """For the passes of a user's block."""
    return nullcontext() if is_ours(block) else at_most(SECONDS, "its anatomy")
