"""What a few all-or-nothing outcomes can say: exact intervals and tests of counts."""

from collections.abc import Sequence
from typing import NamedTuple

from scipy import stats


class Solved(NamedTuple):
    """How many of some runs solved a task; there is at least one run."""

    solved: int
    runs: int

    def __str__(self) -> str:
        return f"{self.solved} of {self.runs}"

    @property
    def share(self) -> float:
        return self.solved / self.runs


def exact_interval(counts: Solved, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of the chance that a run solves the task.

    Biometrika 26, 1934. It covers at least the level, however few the runs are.
    """
    low, high = stats.binomtest(*counts).proportion_ci(level, method="exact")
    return float(low), float(high)


def fisher_p(one: Solved, other: Solved) -> float:
    """Fisher's exact test, two-sided: all tables that are no likelier than this one."""
    table = [[counts.solved, counts.runs - counts.solved] for counts in (one, other)]
    return float(stats.fisher_exact(table).pvalue)


def least_p(one: Solved, other: Solved) -> float:
    """The smallest p that so many runs allow: 0.1 for 3 and 3, 0.0022 for 6 and 6."""
    full, empty = Solved(one.runs, one.runs), Solved(0, one.runs)
    none, all_ = Solved(0, other.runs), Solved(other.runs, other.runs)
    return min(fisher_p(full, none), fisher_p(empty, all_))


def together(counts: Sequence[Solved]) -> Solved:
    return Solved(sum(c.solved for c in counts), sum(c.runs for c in counts))
