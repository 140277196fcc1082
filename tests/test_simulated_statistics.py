"""Intervals cover and tests err as often as they claim, on simulated studies.

    pytest tests/test_simulated_statistics.py -m slow -s

prints the table: for three kinds of seeds and several numbers of them, how often the 95 %
t interval holds the true gain, how often the sign-flip test finds a gain that is none, and
how often any of four blocks is found after Holm's correction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from reports.other_images import difference_on_other_images
from reports.several_settings import summary
from reports.statistics import holm, interval, sign_flip_p

Draw = np.random.Generator
Gains = NDArray[np.float64]  # (blocks, seeds), with a mean of 0

STUDIES = 2000
BLOCKS = 4
SEEDS = (3, 5, 6, 7, 10)
LEVEL = 0.05


def normal(draw: Draw, seeds: int) -> Gains:
    """All blocks share the noise of the baseline."""
    return draw.normal(size=(BLOCKS, seeds)) - draw.normal(size=seeds)


def skewed(draw: Draw, seeds: int) -> Gains:
    """Some runs of a block fail badly; those of the baseline do not."""
    failures = 1 - draw.exponential(size=(BLOCKS, seeds))
    return failures - 0.2 * draw.normal(size=seeds)


def heteroscedastic(draw: Draw, seeds: int) -> Gains:
    """Some seeds are noisier than others, by a factor of up to ten."""
    return normal(draw, seeds) * 10 ** draw.uniform(size=seeds)


KINDS: dict[str, Callable[[Draw, int], Gains]] = {
    "normal": normal,
    "skewed": skewed,
    "heteroscedastic": heteroscedastic,
}


@dataclass
class Rates:
    coverage: float  # of the t interval
    size: float  # of the sign-flip test at LEVEL
    family: float  # of Holm's method: any block found where there is no gain


def simulated(kind: str, seeds: int) -> Rates:
    draw = np.random.default_rng(seeds)
    covered = found = family = 0
    for _ in range(STUDIES):
        gains = KINDS[kind](draw, seeds)
        single = [sign_flip_p(values.tolist()) for values in gains]
        low, high = interval(gains[0].tolist())
        covered += low <= 0 <= high
        found += single[0] < LEVEL
        family += min(holm(single)) < LEVEL
    return Rates(covered / STUDIES, found / STUDIES, family / STUDIES)


def error(rate: float, studies: int = STUDIES) -> float:
    """Three standard errors of a simulated rate."""
    return 3 * sqrt(rate * (1 - rate) / studies)


def say(line: str) -> None:
    print(line)  # noqa: T201


@pytest.mark.slow
def test_claims_hold_where_their_assumptions_do() -> None:
    rates = {(kind, seeds): simulated(kind, seeds) for kind in KINDS for seeds in SEEDS}
    say(
        "seeds, kind: coverage of the 95 % t interval, size of sign-flip and of Holm at 5 %"
    )
    for (kind, seeds), rate in rates.items():
        shares = (f"{100 * r:5.1f} %" for r in (rate.coverage, rate.size, rate.family))
        say(" ".join([f"{seeds:3d} {kind:16s}", *shares]))
    for (kind, seeds), rate in rates.items():
        if kind != "skewed":  # symmetric, as the sign-flip test assumes
            assert rate.size <= LEVEL + error(LEVEL)
            assert rate.family <= LEVEL + error(LEVEL)
        if kind == "normal":
            assert rate.coverage == pytest.approx(0.95, abs=error(0.95))
        if seeds < 6:
            assert rate.size == rate.family == 0  # no p below 5 % is possible


@pytest.mark.slow
@pytest.mark.parametrize("settings", [3, 6, 10])
def test_the_interval_over_settings_covers_what_it_claims(settings: int) -> None:
    draw = np.random.default_rng(settings)
    covered = 0
    for _ in range(STUDIES):
        true = 0.5 + draw.normal(size=settings)  # around a mean gain of 0.5
        gains = [(gain + draw.normal(size=3)).tolist() for gain in true]  # 3 seeds each
        one = summary(gains)
        covered += one.low <= 0.5 <= one.high
    say(f"{settings} settings: the interval covers {100 * covered / STUDIES:.1f} %")
    assert covered / STUDIES == pytest.approx(0.95, abs=error(0.95))


@dataclass
class Counts:
    matrices: NDArray[np.int64]

    @property
    def titles(self) -> NDArray[np.str_]:
        return np.arange(len(self.matrices)).astype(str)

    def confusions(self) -> NDArray[np.int64]:
        return self.matrices


def pictures(draw: Draw, images: int) -> tuple[Counts, Counts]:
    """Two networks on images that are easy for both or hard for both; three classes."""
    sizes = draw.gamma(2, [300, 100, 50], (images, 3)) + 1  # pixels of each class
    ease = draw.beta(4, 1, (images, 1, 1))
    pairs = []
    for skill in (0.95, 0.90):
        right = skill * ease * np.eye(3) + (1 - skill * ease) / 3
        pairs.append(Counts(np.rint(sizes[:, :, None] * right).astype(np.int64)))
    return pairs[0], pairs[1]


@pytest.mark.slow
@pytest.mark.parametrize(("images", "least"), [(30, 0.90), (200, 0.93)])
def test_the_bootstrap_over_images_covers_nearly_what_it_claims(
    images: int, least: float
) -> None:
    draw, studies = np.random.default_rng(images), 600
    truth = difference_on_other_images([pictures(draw, 100_000)], resamples=1).difference
    covered = 0
    for study in range(studies):
        pair = pictures(draw, images)
        found = difference_on_other_images([pair], resamples=600, seed=study)
        covered += found.low <= truth <= found.high
    say(f"{images} images: the interval covers {100 * covered / studies:.1f} %")
    assert covered / studies == pytest.approx(0.95, abs=0.95 - least + error(0.95, studies))
