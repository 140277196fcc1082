"""torch.compile for networks into which blocks were put by hooks."""

import torch._dynamo
from torch import nn


def compile_in_place(network: nn.Module, backend: str = "inductor") -> None:
    """Compile a network by one of torch's backends; no name in it changes.

    Unless told to look, torch takes networks that differ in their hooks alone for equal:
    the second one of a process would run as the first, without its own blocks.
    """
    torch._dynamo.config.skip_nnmodule_hook_guards = False
    network.compile(backend=backend)
