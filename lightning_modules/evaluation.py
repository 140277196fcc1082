"""Scores of the kept network of a run on a split of its data set, or of another one."""

import math
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ablations.errors import InputError, quoted
from ablations.evaluations import Evaluation
from ablations.run_config import RunConfig
from ablations.version import commit
from lightning_modules.data import create_data, find_dataset
from lightning_modules.data.data_source import SplitName
from lightning_modules.data.segmentation_data import SegmentationData
from lightning_modules.execution import USUAL, Execution
from lightning_modules.inference import Inference
from lightning_modules.machine import check_precision, device_name, versions
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.trainer import create_scoring_trainer, quiet
from lightning_modules.training import counts, iou_by_class
from lightning_modules.weights import Statement, read_weights, restored, weights_file

ScoredSplit = Literal["val", "test"]


class Evaluated(SegmentationModule):
    """A trained network: every pass over a split is one whose scores are stated."""

    def is_final(self, split: SplitName) -> bool:
        return True


class Scored(NamedTuple):
    """What is scored, and how; None: as in the training of the run."""

    dataset: str | None = None
    split: ScoredSplit | None = None
    inference: str | None = None
    test_augmentation: str | None = None

    def config(self, trained: RunConfig) -> RunConfig:
        """The configuration of a run that would be scored in this way."""
        values = {
            "score_on": self.split,
            "inference": self.inference,
            "test_augmentation": self.test_augmentation,
        }
        changes: dict[str, Any] = {
            key: value for key, value in values.items() if value is not None
        }
        if self.dataset not in (None, trained.dataset):
            # all images of another data set, which no protocol of the run is about
            images = {"train_images": None, "val_images": None, "protocol": None}
            changes |= {"dataset": self.dataset} | images
        return trained.changed(**changes) if changes else trained


def evaluate(run: Path, scored: Scored, execution: Execution = USUAL) -> Evaluation:
    """Score the kept weights of a run, and write an evaluation into its folder.

    Raises InputError for a run without weights, and for a data set with other classes.
    """
    path = weights_file(run)
    statement, state = read_weights(path)
    config = scored.config(statement.config)
    check_precision(config.precision, execution.accelerator)
    check_classes(config.dataset, statement.classes, execution.data_folder)
    Inference.of(config).check()
    data = create_data(config, execution.data_folder, execution.workers)
    data.normalisation = statement.normalisation  # what the network was trained with
    module = restored(
        statement.model_copy(update={"config": config}), state, path, Evaluated
    )
    evaluation = score(module, data, statement, execution)
    evaluation.write(path.with_name(evaluation.file_name))
    return evaluation


def check_classes(
    dataset: str, trained: tuple[str, ...], folder: Path | None = None
) -> None:
    """InputError that names the first class in which a data set differs."""
    classes = find_dataset(dataset, folder).classes
    if classes == trained:
        return
    pairs = enumerate(zip_longest(classes, trained))
    number, (own, other) = next((n, pair) for n, pair in pairs if pair[0] != pair[1])
    own, other = (quoted(name) if name else "missing" for name in (own, other))
    raise InputError(
        f"the classes of data set {quoted(dataset)} are not those of the weights: class "
        f"{number} is {own} in the data set and {other} in the weights (data set: "
        f"{', '.join(classes)}; weights: {', '.join(trained)})"
    )


def score(
    module: SegmentationModule,
    data: SegmentationData,
    statement: Statement,
    execution: Execution,
) -> Evaluation:
    config, probe = data.config, data.source.probe
    with quiet():
        trainer = create_scoring_trainer(config, execution.accelerator)
        task = trainer.test if config.score_on == "test" else trainer.validate
        task(module, data, verbose=False)
    result = module.scores[config.score_on]
    if not math.isfinite(result.loss):
        raise InputError(f"{data.scored.fingerprint}: the loss on it is {result.loss}")
    return Evaluation(
        config=statement.config,
        dataset=config.dataset,
        split=config.score_on,
        images=data.scored_images,
        image_size=config.image_size,
        inference=config.inference,
        test_augmentation=config.test_augmentation,
        miou=result.miou,
        iou=iou_by_class(data.classes, result),
        confusion=counts(result.confusion),
        miou_augmented=module.miou_augmented,
        information=probe.information(result.confusion) if probe else None,
        loss=result.loss,
        kept=statement.kept,
        step=statement.step,
        weights=statement.tensors,
        device=device_name(trainer.strategy.root_device),
        versions=versions(),
        commit=commit(),
        data=data.scored.fingerprint,
    )
