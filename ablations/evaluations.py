"""What the kept network of a run scored after the run, on a split of some data set."""

import hashlib
import json
from typing import Literal

from ablations.documents import Count, Text
from ablations.notation import file_name
from ablations.records import Loss, Scores, Share


class Evaluation(Scores):
    """One scoring of kept weights; config is that of the run that trained them."""

    dataset: Text
    split: Literal["val", "test"]
    images: Count
    image_size: Count
    inference: Text
    test_augmentation: Text
    miou_augmented: Share | None = None  # with test_augmentation, unless it is none
    loss: Loss  # cross-entropy per labelled pixel
    kept: Literal["last", "best"]  # which weights were scored
    step: Count  # of the weights
    weights: Text  # sha256 of the tensors
    device: str
    versions: dict[str, str]
    commit: str
    data: str  # fingerprint of the split

    @property
    def file_name(self) -> str:
        """Of this scoring: equal for the same weights, images and way of scoring."""
        keys = {
            "dataset", "split", "images", "image_size", "inference", "test_augmentation",
            "weights",
        }  # fmt: skip
        text = json.dumps(self.model_dump(include=keys), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return f"evaluation-{file_name(self.dataset)[:60]}-{self.split}-{digest}.json"
