"""The attention blocks under comparison, in the order tables list them.

To add a block: write its file, add one line to BLOCKS. The contract tests in
tests/test_attention.py, the README list and the table rows follow from that line.
A block of your own needs no line: name it by import path, my_package.my_file:MyBlock.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from torch import nn

from ablations.attention.base import AttentionBlock, Evaluation
from ablations.errors import InputError, unknown_name


class Block(NamedTuple):
    """How to build a block, how tables name it, and which paper defines it."""

    build: Callable[[int], nn.Module]
    label: str
    arxiv: str | None


BLOCKS = {
    "none": Block(lambda channels: nn.Identity(), "Baseline", None),
}


def create_attention(
    name: str, channels: int, evaluation: Evaluation = "fast"
) -> nn.Module:
    """Build the block called name for feature maps of shape (B, channels, H, W).

    Raises InputError for an unknown name, and for channels the block cannot divide.
    """
    try:
        module = find_block(name).build(channels)
    except InputError as error:
        raise InputError(f"block {name!r}: {error}") from None
    return set_evaluation(module, evaluation)


def set_evaluation(module: nn.Module, evaluation: Evaluation) -> nn.Module:
    """Switch every block inside module; parameters and results stay the same."""
    for part in module.modules():
        if isinstance(part, AttentionBlock):
            part.evaluation = evaluation
    return module


def find_block(name: str) -> Block:
    """The entry of a registry key or of an import path my_package.my_file:MyBlock."""
    if ":" not in name:
        if name not in BLOCKS:
            raise unknown_name("block", name, BLOCKS)
        return BLOCKS[name]
    module_name, _, attribute = name.partition(":")
    if str(Path.cwd()) not in sys.path:  # the command `ablate` does not add it by itself
        sys.path.insert(0, str(Path.cwd()))
    try:
        build = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"block {name!r} cannot be imported: {error}") from None
    return Block(build, attribute, None)
