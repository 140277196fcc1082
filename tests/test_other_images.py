"""The bootstrap over images, against resamples that are built image by image."""

import time
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from ablations.errors import InputError
from ablations.run_config import RunConfig
from reports.comparison import comparisons
from reports.image_section import image_parts
from reports.other_images import difference_on_other_images, miou
from reports.page import Table
from tests.test_records import record

Matrices = NDArray[np.int64]


@dataclass
class Counts:
    matrices: Matrices  # (images, classes, classes)
    first: int = 0

    @property
    def titles(self) -> NDArray[np.str_]:
        return np.array([str(self.first + n) for n in range(len(self.matrices))])

    def confusions(self) -> Matrices:
        return self.matrices


def some(images: int, classes: int, seed: int, hits: int = 40) -> Counts:
    """Every class occurs in about half of the images, and the last one in none."""
    draw = np.random.default_rng(seed)
    matrices = draw.integers(0, 9, (images, classes, classes))
    matrices += hits * np.eye(classes, dtype=np.int64)
    matrices *= draw.integers(0, 2, (images, classes, 1))
    matrices[:, -1, :] = matrices[:, :, -1] = 0
    return Counts(matrices)


def slow_miou(matrices: Matrices) -> float:
    total = np.zeros_like(matrices[0])
    for matrix in matrices:
        total += matrix
    values = []
    for number in range(len(total)):
        union = total[number].sum() + total[:, number].sum() - total[number, number]
        if union:
            values.append(total[number, number] / union)
    return float(np.mean(values))


def test_resampled_scores_are_those_of_repeated_images() -> None:
    run = some(7, 4, 0)
    picked = [[0, 0, 3, 6, 2, 2, 2], [5, 5, 5, 5, 5, 5, 5], [0, 1, 2, 3, 4, 5, 6]]
    times = np.array([np.bincount(numbers, minlength=7) for numbers in picked])
    expected = [slow_miou(run.matrices[numbers]) for numbers in picked]
    assert miou(run, times) == pytest.approx(expected)


def test_the_interval_is_that_of_paired_resamples() -> None:
    block, baseline = some(23, 3, 1, hits=60), some(23, 3, 2)
    found = difference_on_other_images([(block, baseline)], resamples=4000)
    draw = np.random.default_rng(9)
    differences = []
    for _ in range(4000):
        picked = draw.integers(0, 23, 23)
        pair = block.matrices[picked], baseline.matrices[picked]
        differences.append(slow_miou(pair[0]) - slow_miou(pair[1]))
    low, high = np.quantile(differences, [0.025, 0.975])
    expected = slow_miou(block.matrices) - slow_miou(baseline.matrices)
    assert found.difference == pytest.approx(expected)
    assert (found.images, found.runs) == (23, 1)
    width = high - low
    assert found.low == pytest.approx(low, abs=0.06 * width)
    assert found.high == pytest.approx(high, abs=0.06 * width)


def test_several_seeds_see_the_same_resampled_images() -> None:
    run, other = some(11, 3, 3), some(11, 3, 4)
    opposite = difference_on_other_images([(run, other), (other, run)])
    assert (opposite.difference, opposite.low, opposite.high) == pytest.approx((0, 0, 0))
    twice = difference_on_other_images([(run, other), (run, other)])
    once = difference_on_other_images([(run, other)])
    assert twice._replace(runs=1) == pytest.approx(once)


def test_runs_on_other_images_are_not_paired() -> None:
    run = some(5, 3, 0)
    with pytest.raises(InputError, match="not scored on the same images"):
        difference_on_other_images([(run, Counts(run.matrices, first=1))])


def test_the_table_pairs_the_runs_that_have_counts() -> None:
    configs = [RunConfig(block=b, seed=s) for b in ("none", "se", "gc") for s in (0, 1)]
    [comparison] = comparisons(map(record, configs))
    ids = {(c.block, c.seed): c.run_id for c in configs}
    counts = {ids["none", 0]: some(9, 3, 0), ids["none", 1]: some(9, 3, 1)}
    counts |= {ids["se", 1]: some(9, 3, 2)}
    _, table = image_parts(comparison, counts)
    assert isinstance(table, Table)
    [row] = table.numbers.to_dict("records")
    pair = counts[ids["se", 1]], counts[ids["none", 1]]
    assert row == {"block": "se", **difference_on_other_images([pair])._asdict()}
    assert image_parts(comparison, {}) == []
    counts[ids["se", 1]] = some(8, 3, 2)  # other images: a sentence, not the report's end
    [text] = image_parts(comparison, counts)
    assert "were not scored on the same images" in str(text)


def test_two_thousand_images_of_21_classes_take_seconds() -> None:
    run, other = some(2000, 21, 5), some(2000, 21, 6)
    start = time.process_time()
    found = difference_on_other_images([(run, other)])
    assert time.process_time() - start < 10
    assert found.low < found.difference < found.high
