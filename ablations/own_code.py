"""A user's own code: loaded by import path, run, and its errors reported in one line."""

import importlib
import random
import re
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ablations.errors import InputError
from ablations.search_path import check_visible, look_here_last
from ablations.time_limit import at_most

OWN_SECONDS = 20  # for an import, a constructor or a pass of a user's code

# Frames of a traceback that are not the user's.
LIBRARIES = ("stdlib", "platstdlib", "purelib", "platlib")
FOREIGN = (
    str(Path(__file__).parent),
    *(sysconfig.get_path(name) for name in LIBRARIES),
    "<frozen",
)


def load_object(kind: str, name: str) -> Any:
    """The object that my_package.my_file:MyObject names; kind is what errors call it.

    Raises InputError if the name is wrong or the import fails.
    """
    module_name, _, attribute = name.partition(":")
    look_here_last()
    check_visible(module_name)
    importlib.invalidate_caches()  # the file may have been written since the last import
    with (
        own_errors(f"{kind} {name!r} cannot be imported"),
        at_most(OWN_SECONDS, "the import"),
        unchanged_settings(),
    ):
        try:
            module = importlib.import_module(module_name)
        except KeyboardInterrupt as error:
            if "KeyboardInterrupt" not in str(
                traceback.extract_tb(error.__traceback__)[-1].line
            ):
                raise  # a person pressed Ctrl-C
            raise RuntimeError("it raises KeyboardInterrupt") from None
    if not attribute.isidentifier() or not hasattr(module, attribute):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise InputError(
            f"{kind} {name!r} cannot be imported: {module_name} has no {attribute!r} "
            f"(it has: {', '.join(public[:12]) or 'nothing'})"
        )
    return getattr(module, attribute)


@contextmanager
def own_errors(what: str) -> Iterator[None]:
    """Whatever the user's code raises becomes one InputError that begins with what."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{what}: {error}") from None
    except (Exception, SystemExit) as error:
        raise InputError(f"{what}: {describe_error(error)}") from None


def describe_error(error: BaseException) -> str:
    """The error's type, the first line of its message, and the line of the user's file."""
    text = str(error.msg if isinstance(error, SyntaxError) else error)
    if isinstance(error, AssertionError) and not text:
        text = condition(error)
    lines = text.strip().splitlines()
    summary = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{summary} ({Path(error.filename).name}, line {error.lineno})"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(FOREIGN):
            return f"{summary} ({Path(frame.filename).name}, line {frame.lineno})"
    return summary


def condition(error: AssertionError) -> str:
    """The line of the assertion that failed, which torch's own may have checked."""
    lines = [frame.line or "" for frame in traceback.extract_tb(error.__traceback__)]
    return next((line for line in reversed(lines) if re.match("_?assert", line)), "")


@contextmanager
def unchanged_settings() -> Iterator[None]:
    """Restore what an import may change globally: torch's settings and random states."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    gradients, threads = torch.is_grad_enabled(), torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        random.setstate(state)
        np.random.set_state(numpy_state)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if torch.are_deterministic_algorithms_enabled() != deterministic:
            torch.use_deterministic_algorithms(deterministic)
