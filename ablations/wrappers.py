"""What is built around a block, by name: its start as the identity, and its controls.

`identity(se)` is SE behind a zero gate; users write it as the key `init`. A control such as
`matched_params(se)` stands for a plain bottleneck that costs as much as SE.
"""

from ablations.errors import InputError, quoted
from ablations.notation import Part, parse_part

IDENTITY = "identity"
CONTROLS = {
    "matched_params": "Same params as {}",
    "matched_macs": "Same MACs as {}",
}
WRAPPERS = {IDENTITY: "{}, identity start", **CONTROLS}  # in the order of tables


def started(block: str, init: str) -> str:
    """The block as it is placed in a network, for a value of the key `init`."""
    return f"{IDENTITY}({block})" if init == IDENTITY else block


def without_start(text: str) -> str:
    """The block of a network without the start that the key `init` gave it."""
    part = parse_part(text)
    return str(part.inner) if part.name == IDENTITY and part.inner else text


def innermost(part: Part) -> Part:
    """The block that a part is built around, or the part itself."""
    return innermost(part.inner) if part.inner else part


def unwrapped(text: str) -> tuple[str, list[str]]:
    """The innermost block of a text, and the names around it, from the inside out.

    A text with a mistake in its notation is its own block.
    """
    wrappers: list[str] = []
    try:
        part = parse_part(text)
    except InputError:
        return text, wrappers
    while part.inner and part.name in WRAPPERS:
        wrappers.insert(0, part.name)
        part = part.inner
    return str(part), wrappers


def named_block(text: str) -> str:
    """The name, without options, of the block that a text is built around.

    A text with a mistake in its notation is its own name.
    """
    try:
        return innermost(parse_part(text)).name
    except InputError:
        return text


def check_wrapped(part: Part) -> None:
    """InputError if a wrapper is not built around one block that it can hold."""
    inner = part.inner
    if inner is None or part.options:
        raise InputError(f"{part.name} takes one block and no options, as {part.name}(se)")
    if inner.name == "none":
        raise InputError(f"{part.name} needs a block, and none is the network without one")
    if inner.name == IDENTITY:
        raise InputError(f"{part.name} takes a block, not its start: write the key init")
    if part.name in CONTROLS and inner.name in {*CONTROLS, "bottleneck"}:
        raise InputError(
            f"{part.name} takes a block, not a control such as {quoted(str(inner))}"
        )
