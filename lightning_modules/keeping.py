"""Which network of a training is kept: of the last step, or of the best validation."""

from torch import Tensor

from ablations.errors import InputError, quoted
from ablations.normalisation import Normalisation
from ablations.run_folder import RunFolder
from lightning_modules.best_weights import Best, read_best
from lightning_modules.execution import KeepWeights
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.weights import Kept, write_weights


def keep(
    choice: KeepWeights | None,
    module: SegmentationModule,
    normalised: Normalisation,
    folder: RunFolder,
) -> tuple[str, ...]:
    """Write the weights of a finished training. If a run scores its best, they are kept.

    Returns a note for the record if a better validation was not kept: before a resumed
    session was told to keep the best one.
    """
    if choice in (None, "none"):
        return ()
    config = module.config
    kept: Kept = "last"
    best = Best(config.max_steps, module.scores["val"].miou, module.model.state_dict())
    if choice == "best" or config.select == "best":
        kept, best = "best", read_best(folder.best)
    write_weights(folder.weights, config, module.classes, normalised, kept, best)
    points = [point for point in module.curve if "val_miou" in point]
    better = max(points, key=lambda point: point["val_miou"])
    if kept == "last" or better["val_miou"] <= best.miou:
        return ()
    return (
        f"the weights kept are those of step {best.step}; step {better['step']} scored "
        "better, when an earlier session did not keep the best",
    )


def check_keepable(module: SegmentationModule, choice: KeepWeights | None) -> None:
    """InputError for a network that no file of tensors can hold, before it is trained."""
    if choice in (None, "none"):
        return
    for name, value in module.model.state_dict().items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"block {quoted(module.config.block)}: its state {name} is not a tensor, "
                "so weights cannot be kept; train with --keep-weights none"
            )
