"""Which weights of a training are scored, and on what."""

from pytorch_lightning import Trainer

from lightning_modules.best_weights import best_of
from lightning_modules.data.segmentation_data import SegmentationData
from lightning_modules.segmentation import SegmentationModule


def score_network(
    trainer: Trainer, module: SegmentationModule, data: SegmentationData
) -> int | None:
    """Score the weights that select names, which module then holds.

    The validation split is scored again only if the training did not end with these
    weights; the test split once, if its scores are those of the record. Returns the step
    of the weights if they are the best ones, else None.
    """
    config = module.config
    if module.validated_step != config.max_steps:
        trainer.validate(module, data, verbose=False)
    step = None
    if config.select == "best":
        step, _, state = best_of(trainer)
        if step != config.max_steps:
            module.model.load_state_dict(state)
            trainer.validate(module, data, verbose=False)
    if config.score_on == "test":
        trainer.test(module, data, verbose=False)
    return step
