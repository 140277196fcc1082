"""How a module is run to be counted: in eval mode, with operators that counters know."""

import copy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class PassingNorms(TorchFunctionMode):
    """Batch norms are skipped.

    On the meta device torch evaluates them operation by operation in Python, which would
    take most of the time of a count. They keep shapes and contain no products.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is functional.batch_norm:
            return torch.empty_like(args[0])
        return func(*args, **(kwargs or {}))


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Tensors that a module makes, when it is built or in its pass, are of this type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode; afterwards every part returns to its own mode."""
    before = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in before.items():
            part.training = training


@contextmanager
def plain_operators() -> Iterator[None]:
    """Compiled modules run as written, and transformers without fused operators."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    with ExitStack() as stack:
        if "torch._dynamo" in sys.modules:  # its import takes seconds
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def keeping_hooks(module: nn.Module) -> Iterator[None]:
    """Restore the hooks if a trace fails: fvcore leaves its own behind."""
    before = {
        part: (part._forward_pre_hooks.copy(), part._forward_hooks.copy())
        for part in module.modules()
    }
    try:
        yield
    except Exception:
        for part, (before_forward, after_forward) in before.items():
            part._forward_pre_hooks = before_forward
            part._forward_hooks = after_forward
        raise


def on_meta(module: nn.Module) -> nn.Module:
    """A copy without values."""
    return copy.deepcopy(module).to("meta")


def device_of(module: nn.Module) -> torch.device:
    return next((p.device for p in module.parameters()), torch.device("cpu"))


def first_tensor(output: Any) -> Tensor:
    """The masks of a model, which auxiliary outputs may follow in a tuple."""
    return first_tensor(output[0]) if isinstance(output, tuple | list) else output
