"""Each block at its own learning rate, where a study searched one with equal effort.

The rate is chosen by validation alone, one for all settings of the study. (`ablate report
--best-per block` chooses one in each.)
"""

from collections.abc import Mapping, Sequence

from ablations.errors import InputError
from ablations.records import RunRecord
from reports.tables import validation_miou

Rates = dict[str, float]  # by block, with its start


def at_own_rate(records: Sequence[RunRecord]) -> tuple[list[RunRecord], Rates]:
    """The runs of each block at its best rate, as if all had that of the baseline.

    Unchanged and without rates if there is only one. Raises InputError if rates were not
    searched with equal effort, or without validation.
    """
    tried = runs_by_rate(records)
    if len({record.config.lr for record in records}) < 2 or "none" not in tried:
        return [*records], {}
    check_effort(tried)
    best = {block: best_rate(runs) for block, runs in tried.items()}
    common = best["none"]
    kept = [
        record.model_copy(update={"config": record.config.changed(lr=common)})
        for block, runs in tried.items()
        for record in runs[best[block]]
    ]
    return kept, best


def best_rate(runs: Mapping[float, Sequence[RunRecord]]) -> float:
    """That of the best mean validation; of equal ones the lowest."""
    return max(sorted(runs), key=lambda rate: mean_validation(runs[rate]))


def runs_by_rate(
    records: Sequence[RunRecord],
) -> dict[str, dict[float, list[RunRecord]]]:
    tried: dict[str, dict[float, list[RunRecord]]] = {}
    for record in records:
        runs = tried.setdefault(record.config.placed_block, {})
        runs.setdefault(record.config.lr, []).append(record)
    return tried


def check_effort(tried: Mapping[str, Mapping[float, Sequence[RunRecord]]]) -> None:
    efforts = {
        block: {rate: len(found) for rate, found in sorted(runs.items())}
        for block, runs in tried.items()
    }
    for block, effort in efforts.items():
        if effort != efforts["none"]:
            raise InputError(
                f"{block} has runs at {words(effort)}, the baseline at "
                f"{words(efforts['none'])}: rates can be chosen only after an equal search"
            )


def words(effort: Mapping[float, int]) -> str:
    return ", ".join(f"lr {rate:g} ({runs})" for rate, runs in effort.items())


def mean_validation(records: Sequence[RunRecord]) -> float:
    values = [validation_miou(record) for record in records]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        raise InputError("a run has no validation mIoU to choose its rate by")
    return sum(known) / len(known)
