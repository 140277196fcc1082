"""Pictures of what two kept networks predict, of images chosen by rule or by name."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from ablations.blocks import label_of
from ablations.errors import InputError, quoted
from ablations.image_counts import read_image_counts
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.data.contact_sheet import colours_of
from lightning_modules.data.data_source import VOID
from reports.prediction_picture import prediction_picture
from reports.predictions import RULE_TEXTS, Legend, Rule, Scene, Scores, chosen
from sweeps.kept_runs import KeptRun, ScoredImages, pixels, read_kept

# What must be equal for two runs to be scored on the same images in the same way.
SAME = ("dataset", "image_size", "inference", "score_on", "val_images")
MIOU = "mIoU of an image: the mean over the classes in its truth or in the prediction"


class Pair(NamedTuple):
    """Two runs on the same images; the first is usually the baseline."""

    first: KeptRun
    second: KeptRun
    images: ScoredImages

    @property
    def names(self) -> tuple[str, str]:
        return run_name(self.first.config), run_name(self.second.config)

    def scores(self) -> tuple[Scores, Scores]:
        """mIoU of every image in each run; InputError if a run keeps no counts of them."""
        first, second = (image_scores(run) for run in (self.first, self.second))
        if len(first) != len(second):
            raise InputError(
                f"{self.first.folder} and {self.second.folder}: counts of {len(first)} and "
                f"of {len(second)} images, so no rule can compare them"
            )
        return first, second

    def scene(self, number: int, why: str) -> Scene:
        image, labels = self.images.sample(number)
        return Scene(
            self.images.titles[number],
            why,
            pixels(image),
            labels.numpy(),
            (self.first.predict(image), self.second.predict(image)),
        )

    def picture(self, heading: Sequence[str], scenes: Sequence[Scene]) -> Figure:
        source = self.images.data.source
        legend = Legend(source.classes, np.array(colours_of(source)), VOID)
        lines = [*heading, MIOU, *other_steps(self.first), *other_steps(self.second)]
        return prediction_picture(lines, self.names, scenes, legend)


def run_name(config: RunConfig) -> str:
    return f"{label_of(config.placed_block)}, seed {config.seed}"


def image_scores(run: KeptRun) -> Scores:
    files = RunFolder(run.folder.parent, run.config)
    return read_image_counts(files.images, run.record).miou()


def other_steps(run: KeptRun) -> list[str]:
    """A warning if the kept network is not the one that the record scores."""
    if run.trained.step == run.scored_step:
        return []
    return [
        f"{run_name(run.config)}: shown is the network of step {run.trained.step}; the "
        f"rules use the scores of step {run.scored_step}"
    ]


def pair_of(
    first: Path, second: Path, data_folder: Path | None = None, device: str = "cpu"
) -> Pair:
    """InputError for runs without kept weights, or that are scored on other images."""
    runs = read_kept(first, device), read_kept(second, device)
    check_same(*runs)
    return Pair(*runs, ScoredImages(runs[1], data_folder))


def check_same(first: KeptRun, second: KeptRun) -> None:
    for key in SAME:
        one, other = (getattr(run.config, key) for run in (first, second))
        if one != other:
            raise InputError(
                f"{first.folder} and {second.folder} are not scored on the same images: "
                f"{key} is {quoted(one)} and {quoted(other)}"
            )
    if first.record.data != second.record.data:
        raise InputError(
            f"{first.folder} and {second.folder} are not scored on the same images: the "
            f"data are {quoted(first.record.data)} and {quoted(second.record.data)}"
        )


def picture_by_rules(pair: Pair, rules: Sequence[Rule], count: int) -> Figure:
    """count images of each rule; what the rules are stands in the title."""
    scores = pair.scores()
    first, second = pair.names
    scenes = [
        pair.scene(number, f"{rule} {place}")
        for rule in rules
        for place, number in enumerate(chosen(rule, *scores, count), start=1)
    ]
    if not scenes:
        raise InputError(f"{pair.second.folder}: no image has a labelled pixel")
    texts = [RULE_TEXTS[rule].format(first=first, second=second) for rule in rules]
    return pair.picture([pair.images.place, *texts], scenes)


def picture_of_images(pair: Pair, images: Iterable[str]) -> Figure:
    """Images by number or title."""
    numbers = dict.fromkeys(pair.images.number_of(text) for text in images)
    scenes = [pair.scene(number, f"image {number}") for number in numbers]
    return pair.picture([f"{pair.images.place}; chosen by hand"], scenes)
