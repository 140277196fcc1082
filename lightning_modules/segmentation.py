"""Training and evaluation of one segmentation model."""

import math
from typing import Any, Self

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from ablations.bare_models import BareModel, create_bare
from ablations.compiling import compile_in_place
from ablations.models import place, sizes_at_places
from ablations.run_config import RunConfig
from lightning_modules.accumulation import Part, parts_of
from lightning_modules.auxiliary import auxiliary_head
from lightning_modules.data.data_source import SplitName
from lightning_modules.data.probe import Probe
from lightning_modules.freezing import OwnParts
from lightning_modules.inference import Inference
from lightning_modules.losses import auxiliary_loss_of, loss_of
from lightning_modules.optimizer import create_optimizer
from lightning_modules.ranks import rank, size
from lightning_modules.scores import Score, SplitScore
from lightning_modules.shared_loss import of_all_devices, weight_here
from lightning_modules.training_losses import NonFiniteLossError, TrainingLosses

CURVE_POINTS = 50
LOG_EVERY = 10  # steps between losses in W&B
RANK_STRIDE = 2**53  # between the random streams of devices; seed x step stays below


class SegmentationModule(LightningModule):
    """The recipe of a configuration, and mIoU over the whole validation or test set.

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
        self.auxiliary = (
            auxiliary_head(self.model, bare, size) if config.auxiliary_loss else None
        )
        if config.channels_last:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss, self.auxiliary_loss = loss_of(config), auxiliary_loss_of(config)
        self.accumulate = config.accumulate
        self.inference = Inference.of(config)
        self.score = SplitScore(len(classes))
        self.averaged = SplitScore(len(classes))  # over views, see test_augmentation
        self.miou_augmented: float | None = None
        self.losses = TrainingLosses()
        self.curve: list[dict[str, float]] = []  # kept in checkpoints
        self.validated_step = -1
        self.scores: dict[SplitName, Score] = {}  # the last of each split

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.compile_network()

    def compile_network(self) -> None:
        """If asked to; in place, so that no name changes. Count its cost before."""
        if self.config.compile:
            compile_in_place(self.model)

    def forward(self, images: Tensor) -> Tensor:
        if self.config.channels_last:
            images = images.to(memory_format=torch.channels_last)
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
        self.zero_grad()

    def optimizer_zero_grad(self, *arguments: Any) -> None:
        """Not where Lightning does it, after the forward pass: parts add gradients."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The loss of the batch; its gradient is that of the part that is still to come."""
        weight = weight_here(batch[1])
        *earlier, last = parts_of(*batch, self.accumulate, weight)
        done = sum(self.backward_now(part) for part in earlier)
        loss = of_all_devices(self.loss_of_part(last) + done)
        self.losses.add(self.global_step, loss)
        step = self.global_step + 1
        if self.trainer.loggers and step % LOG_EVERY == 0:
            self.log("train/loss", loss)
        if step % max(1, self.config.max_steps // CURVE_POINTS) == 0:
            self.curve.append({"step": step, "train_loss": loss.item()})
        return loss

    def loss_of_part(self, part: Part) -> Tensor:
        images, labels, weight = part
        loss = self.loss(self(images), labels)
        if self.auxiliary is not None:
            shape = (labels.shape[1], labels.shape[2])
            auxiliary = self.auxiliary_loss(self.auxiliary(shape), labels)
            loss = loss + self.config.auxiliary_loss * auxiliary
        return loss * weight

    def backward_now(self, part: Part) -> Tensor:
        """Add the gradient of a part, as Lightning adds that of the last one."""
        loss = self.loss_of_part(part)
        with torch.autocast(self.device.type, enabled=False):
            self.trainer.strategy.backward(loss, None)
        return loss.detach()

    def on_validation_start(self) -> None:
        self.losses.check()

    def on_train_end(self) -> None:
        self.losses.check()

    def on_validation_epoch_start(self) -> None:
        self.begin_split("val")

    def begin_split(self, split: SplitName) -> None:
        self.score.by_image = self.is_final(split)
        if size() > 1:
            data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
            self.score.first_image = data.own_images(split).start

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, labels = batch
        self.score.update(self.inference.logits(self, images), labels)
        if self.score.by_image and self.inference.scales:
            self.averaged.update(self.inference.averaged(self, images), labels)

    def is_final(self, split: SplitName) -> bool:
        """Whether a record may state the scores of this pass over a split."""
        training = self.trainer.state.fn == TrainerFn.FITTING
        trained = not training or self.global_step == self.config.max_steps
        return trained and split == self.config.score_on

    def on_validation_epoch_end(self) -> None:
        if not self.trainer.sanity_checking:
            score = self.take_score("val", "validation")
            if not self.is_on_curve(self.global_step):
                self.add_to_curve(score)
            self.validated_step = self.global_step
        self.score.reset()

    def is_on_curve(self, step: int) -> bool:
        """Whether a validation after that many steps is."""
        return any(point["step"] == step and "val_miou" in point for point in self.curve)

    def add_to_curve(self, score: Score) -> None:
        values = {"miou": score.miou}
        if self.probe:
            values["information"] = self.probe.information(score.confusion)
        self.log("val/loss", score.loss)
        self.log_dict({f"val/{name}": value for name, value in values.items()})
        points = {f"val_{name}": value for name, value in values.items()}
        self.curve.append({"step": self.global_step} | points)

    def on_test_epoch_start(self) -> None:
        self.begin_split("test")

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
        if self.is_final(split) and self.inference.scales:
            self.miou_augmented = self.averaged.compute().miou
            self.averaged.reset()
        return score

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.losses.check()
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
