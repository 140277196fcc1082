"""One block against each of the others, in every study that states a mIoU."""

from collections.abc import Mapping, Sequence

from pandas import DataFrame

from reports.controls import is_control
from reports.estimates import Family
from reports.overview.outcome import Studied, estimates, over
from reports.overview.table import interval_columns
from reports.page import Column, Table
from reports.tables import block_order
from reports.units import label

Families = Mapping[str, Family[str]]  # by study


def against_others(study: Studied, subject: str) -> Family[str]:
    """mIoU of subject minus that of each other block but the baseline and controls.

    Corrected by Holm's method for all others. Empty if the subject has not run.
    """
    settings = [
        {
            block: [-value for value in values]
            for block, values in over(one, subject).items()
            if block != "none" and not is_control(block)
        }
        for one in study.told
    ]
    met = [one for one in settings if one]
    return estimates(met) if met else {}


def against_table(families: Families, subject: str, name: str) -> Table | None:
    """None if the subject met no other block; families are by the name of the study."""
    families = {study: family for study, family in families.items() if family}
    if not families:
        return None
    others = block_order(block for family in families.values() for block in family)
    frame = DataFrame({"block": others})
    columns = [Column("block", f"{label(subject)} over", label, "left")]
    for study, family in families.items():
        for part, values in parts_of(family, others).items():
            frame[f"{study}_{part}"] = values
        columns += interval_columns(study, "gain", "points")
    return Table(frame, columns, name)


def parts_of(family: Family[str], others: Sequence[str]) -> dict[str, list[float]]:
    missing = float("nan")
    return {
        part: [getattr(family[o], part) if o in family else missing for o in others]
        for part in ("gain", "low", "high", "p", "pairs")
    }
