"""Training and evaluation of one segmentation model."""

import math
from typing import Any, Self

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from ablations.bare_models import BareModel, create_bare
from ablations.models import place, sizes_at_places
from ablations.run_config import RunConfig
from lightning_modules.data.data_source import SplitName
from lightning_modules.data.probe import Probe
from lightning_modules.freezing import OwnParts
from lightning_modules.losses import loss_of
from lightning_modules.optimizer import create_optimizer
from lightning_modules.ranks import rank
from lightning_modules.scores import Score, SplitScore
from lightning_modules.shared_loss import of_all_devices

CURVE_POINTS = 50
RANK_STRIDE = 2**53  # between the random streams of devices; seed x step stays below


class NonFiniteLossError(RuntimeError):
    """The training diverged."""


class SegmentationModule(LightningModule):
    """Cross-entropy, poly decay, and mIoU over the whole validation or test set.

    A batch is images (B, 3, H, W), float, and labels (B, H, W), int64. Losses are means
    over labelled pixels: of the whole batch, on however many devices, in training, of the
    whole split otherwise. A probe adds the information that a network carries to the curve.
    """

    def __init__(
        self, config: RunConfig, classes: tuple[str, ...], probe: Probe | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.classes = classes
        self.probe = probe
        bare = BareModel(config.model, config.encoder, len(classes))
        size = (config.image_size, config.image_size)
        self.model = create_bare(*bare, config.encoder_weights)
        self.own_parts = OwnParts.before_blocks(self.model.encoder)  # type: ignore[arg-type]
        block, placement = config.placed_block, config.placement
        sizes = sizes_at_places(bare, block, placement, size)
        place(self.model, block, placement, config.evaluation, sizes)
        self.own_parts.freeze(config.freeze)
        self.loss = loss_of(config)
        self.score = SplitScore(len(classes))
        self.curve: list[dict[str, float]] = []  # kept in checkpoints
        self.validated_step = -1
        self.scores: dict[SplitName, Score] = {}  # the last of each split

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images)  # (B, classes, H, W)
        return logits

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.own_parts.hold_statistics(self.config.freeze)
        return self

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        # Dropout depends on the seed and the step alone, so a resumed run draws the same.
        # Each device draws for other images.
        seed = 1_000_003 * self.config.seed + self.global_step + rank() * RANK_STRIDE
        reseed(seed, self.device)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        loss = of_all_devices(self.loss(self(images), labels), labels)
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
            score = self.take_score("val", "validation")
            values = {"miou": score.miou}
            if self.probe:
                values["information"] = self.probe.information(score.confusion)
            self.validated_step = self.global_step
            self.log("val/loss", score.loss)
            self.log_dict({f"val/{name}": value for name, value in values.items()})
            points = {f"val_{name}": value for name, value in values.items()}
            self.curve.append({"step": self.global_step} | points)
        self.score.reset()

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.validation_step(batch, batch_idx)

    def on_test_epoch_end(self) -> None:
        """Nothing is logged: the test split has one score, which the record states."""
        self.take_score("test", "test")
        self.score.reset()

    def take_score(self, split: SplitName, name: str) -> Score:
        """Keep a split's score; NonFiniteLossError if it is final and not a number."""
        score = self.scores[split] = self.score.compute()
        if self.global_step == self.config.max_steps and not math.isfinite(score.loss):
            raise NonFiniteLossError(f"{name} loss is {score.loss} after the last step")
        return score

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
