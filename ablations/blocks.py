"""Blocks by name: found with their options, built for a number of channels."""

from torch import nn

from ablations.attention import BLOCKS, PLAIN_BLOCKS, Block
from ablations.attention.base import AttentionBlock, Evaluation
from ablations.attention.identity_start import IdentityStart
from ablations.attention.libraries import check_fit, find_layer
from ablations.errors import InputError, quoted, unknown_name
from ablations.import_path import is_library_block
from ablations.notation import Part, parse_part
from ablations.own_code import OWN_SECONDS, load_object, own_errors
from ablations.part_options import with_options
from ablations.time_limit import at_most
from ablations.wrappers import CONTROLS, WRAPPERS, check_wrapped, innermost

OURS = {**BLOCKS, **PLAIN_BLOCKS}


def create_attention(
    name: str, channels: int, evaluation: Evaluation = "fast"
) -> nn.Module:
    """Build the block called name for feature maps of shape (B, channels, H, W).

    name may state options: `se(ratio=4)`. Raises InputError for an unknown name, for
    options or channels that the block cannot take, and for whatever a user's own block
    raises.
    """
    build = find_block(name).build
    if part_of(name).name in WRAPPERS:
        return set_evaluation(build(channels), evaluation)
    if is_ours(name):
        try:
            return set_evaluation(build(channels), evaluation)
        except InputError as error:
            raise InputError(f"block {name!r}: {error}") from None
    with (
        own_errors(f"block {name!r} cannot be built for {channels} channels"),
        at_most(OWN_SECONDS, "its constructor"),
    ):
        module = build(channels)
        if not isinstance(module, nn.Module):
            raise InputError(
                f"called with a number of channels, it returns {type(module).__name__}, "
                "but must return an nn.Module"
            )
    return set_evaluation(module, evaluation)


def set_evaluation(module: nn.Module, evaluation: Evaluation) -> nn.Module:
    """Switch every block inside module; parameters and results stay the same."""
    for part in module.modules():
        if isinstance(part, AttentionBlock):
            part.evaluation = evaluation
    return module


def is_ours(text: str) -> bool:
    """Whether a block is one of this suite's, whatever its options and its start."""
    return innermost(parse_part(text)).name in OURS


def find_block(text: str) -> Block:
    """A block by its key, import path or name in a library, with its options.

    As in se, my_package.my_file:MyBlock(groups=8) and timm:eca(kernel_size=5). Raises
    InputError for an unknown name, and for options that the block does not have.
    """
    part = part_of(text)
    if part.name in WRAPPERS:
        return find_wrapped(text, part)
    block = find_name(part.name)
    try:
        if part.inner:
            raise InputError(f"{quoted(str(part.inner))} is not an option, such as ratio=4")
        check_fit(part)
        build = with_options(block.build, part.options, given=1)
    except InputError as error:
        raise InputError(f"block {quoted(text)}: {error}") from None
    return Block(build, labelled(block.label, part), block.arxiv)


def find_wrapped(text: str, part: Part) -> Block:
    """A block that is built around another, see ablations/wrappers.py."""
    try:
        check_wrapped(part)
    except InputError as error:
        raise InputError(f"block {quoted(text)}: {error}") from None
    inner = str(part.inner)
    find_block(inner)

    def build(channels: int) -> nn.Module:
        if part.name in CONTROLS:
            raise InputError(f"block {quoted(text)}: its width is known only in a network")
        return IdentityStart(create_attention(inner, channels))

    return Block(build, label_of(text), None)


def part_of(text: str) -> Part:
    try:
        return parse_part(text)
    except InputError as error:
        raise InputError(f"block {quoted(text)}: {error}") from None


def find_name(name: str) -> Block:
    """The entry for a registry key, an import path or a library's block, no options."""
    if is_library_block(name):
        return Block(find_layer(name), name, None)
    if ":" not in name:
        if name not in OURS:
            raise unknown_name("block", name, [*OURS, *CONTROLS])
        return OURS[name]
    build = load_object("block", name)
    if not callable(build):
        raise InputError(
            f"block {name!r} is {type(build).__name__}, but must be a class or a function "
            "that returns an nn.Module for a number of channels"
        )
    return Block(build, name, None)


def label_of(text: str) -> str:
    """How tables name a block, which may no longer exist; nothing is imported."""
    try:
        return label_of_part(parse_part(text))
    except InputError:
        return text


def label_of_part(part: Part) -> str:
    if part.name in WRAPPERS and part.inner:
        return WRAPPERS[part.name].format(label_of_part(part.inner))
    label = OURS[part.name].label if part.name in OURS else part.name
    return labelled(label, part)


def labelled(label: str, part: Part) -> str:
    """As in SE (ratio 4); the options of a user's own block are written as in its name."""
    if part.name not in OURS:
        return str(part)
    options = ", ".join(f"{name} {part.options[name]}" for name in sorted(part.options))
    return f"{label} ({options})" if options else label
