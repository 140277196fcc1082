"""How much of the encoder is trained: all, all but its batch norms, or nothing.

Blocks inside the encoder are always trained: they are what a study compares.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm  # timm's batch norms are subclasses

from ablations.bare_models import BareModel
from ablations.errors import InputError
from ablations.run_config import Freeze, RunConfig


class OwnParts(NamedTuple):
    """What belongs to an encoder itself, not to the blocks in it."""

    parameters: list[nn.Parameter]
    norms: list[_BatchNorm]

    @classmethod
    def before_blocks(cls, encoder: nn.Module) -> Self:
        """What can be trained in an encoder in which no block is placed yet."""
        norms = [part for part in encoder.modules() if isinstance(part, _BatchNorm)]
        return cls([p for p in encoder.parameters() if p.requires_grad], norms)

    def freeze(self, freeze: Freeze) -> None:
        """Leave the frozen parameters without gradients, and the norms in eval mode."""
        self.hold_statistics(freeze)
        for parameter in self.frozen(freeze):
            parameter.requires_grad_(False)

    def frozen(self, freeze: Freeze) -> list[nn.Parameter]:
        """The parameters that are not trained."""
        of_norms = {p for norm in self.norms for p in norm.parameters()}
        parts: dict[Freeze, list[nn.Parameter]] = {
            "none": [],
            "encoder_bn": [p for p in self.parameters if p in of_norms],
            "encoder": self.parameters,
        }
        return parts[freeze]

    def hold_statistics(self, freeze: Freeze) -> None:
        """Keep the norms of a frozen encoder in eval mode; for use after train()."""
        if freeze != "none":
            for norm in self.norms:
                norm.eval()

    def freeze_in_use(self, optimized: Iterable[nn.Parameter]) -> str:
        """Which value of `freeze` describes the parameters, and the modes of the norms."""
        trained = {p for p in optimized if p.requires_grad}
        untrained = {p for p in self.parameters if p not in trained}
        training = {norm.training for norm in self.norms}
        values: dict[Freeze, bool] = {"none": True, "encoder_bn": False, "encoder": False}
        for value, mode in values.items():
            if untrained == set(self.frozen(value)) and training <= {mode}:
                return value
        return "a part of the encoder"


def check_freeze(config: RunConfig, classes: int) -> None:
    """InputError if there is nothing to freeze, so that the key would have no effect."""
    if config.freeze != "encoder_bn":
        return
    encoder: Any = BareModel(config.model, config.encoder, classes).meta().encoder
    if not OwnParts.before_blocks(encoder).norms:
        raise InputError(
            f"freeze = 'encoder_bn': encoder {config.encoder!r} has no batch norms; "
            "use none or encoder"
        )


def advice(config: RunConfig) -> tuple[str, ...]:
    """What is allowed, but most likely a mistake."""
    if config.freeze == "none" or config.encoder_weights:
        return ()
    return (
        f"freeze = {config.freeze!r} with encoder_weights = none: what is frozen keeps its "
        "random or initial values",
    )
