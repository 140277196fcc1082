"""Training and evaluation of one segmentation model."""

import math
from typing import Any, Self

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from ablations.bare_models import BareModel, create_bare
from ablations.models import place, sizes_at
from ablations.run_config import RunConfig
from lightning_modules.freezing import OwnParts
from lightning_modules.optimizer import create_optimizer
from lightning_modules.scores import SplitScore, class_iou, mean_iou, mean_loss

CURVE_POINTS = 50


class NonFiniteLossError(RuntimeError):
    """The training diverged."""


class SegmentationModule(LightningModule):
    """Cross-entropy, poly decay, and mIoU over the whole validation set.

    A batch is images (B, 3, H, W), float, and labels (B, H, W), int64. Losses are means
    over labelled pixels: of the batch in training, of the whole split in validation.
    """

    def __init__(self, config: RunConfig, classes: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.classes = classes
        bare = BareModel(config.model, config.encoder, len(classes))
        self.model = create_bare(*bare, config.encoder_weights)
        self.own_parts = OwnParts.before_blocks(self.model.encoder)  # type: ignore[arg-type]
        block, size = config.placed_block, (config.image_size, config.image_size)
        sizes = sizes_at(bare, block, config.placement, size)
        place(self.model, block, config.placement, config.evaluation, sizes)
        self.own_parts.freeze(config.freeze)
        self.score = SplitScore(len(classes))
        self.curve: list[dict[str, float]] = []  # kept in checkpoints
        self.validated_step = -1
        self.iou = torch.full((len(classes),), torch.nan)  # of the last validation
        self.miou = math.nan

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images)  # (B, classes, H, W)
        return logits

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.own_parts.hold_statistics(self.config.freeze)
        return self

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        # Dropout depends on the seed and the step alone, so a resumed run draws the same.
        reseed(1_000_003 * self.config.seed + self.global_step, self.device)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        loss = mean_loss(self(images), labels)
        if not loss.isfinite():
            raise NonFiniteLossError(f"loss is {loss.item()} at step {self.global_step}")
        self.log("train/loss", loss, prog_bar=True)
        step = self.global_step + 1
        if step % max(1, self.config.max_steps // CURVE_POINTS) == 0:
            self.curve.append({"step": step, "train_loss": loss.item()})
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, labels = batch
        self.score.update(self(images), labels)

    def on_validation_epoch_end(self) -> None:
        if not self.trainer.sanity_checking:
            loss, confusion = self.score.compute()
            if self.global_step == self.config.max_steps and not math.isfinite(loss):
                raise NonFiniteLossError(f"validation loss is {loss} after the last step")
            self.iou = class_iou(confusion)  # (classes)
            self.miou = mean_iou(self.iou)
            self.validated_step = self.global_step
            self.log("val/loss", loss)
            self.log("val/miou", self.miou, prog_bar=True)
            self.curve.append({"step": self.global_step, "val_miou": self.miou})
        self.score.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["curve"] = self.curve

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        finished = checkpoint["global_step"]  # an unfinished step will be repeated
        self.curve = [point for point in checkpoint["curve"] if point["step"] <= finished]

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return create_optimizer(self.parameters(), self.own_parts, self.config)


def reseed(seed: int, device: torch.device) -> None:
    """Like torch.manual_seed, which without a GPU takes a millisecond for a traceback."""
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)
