"""One block against each of the others, in every study that states a mIoU."""

from collections.abc import Sequence

from pandas import DataFrame

from reports.controls import is_control
from reports.estimates import Family, over_seeds, over_settings
from reports.overview.outcome import Studied, over
from reports.page import Column, Table
from reports.tables import block_order
from reports.units import label, points, probability


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
        for one in study.compared
    ]
    told = [one for one in settings if one]
    if not told:
        return {}
    return over_settings(told) if len(study.compared) > 1 else over_seeds(told[0])


def against_table(studies: Sequence[Studied], subject: str, name: str) -> Table | None:
    """None if the subject met no other block."""
    families = {
        study.name: against_others(study, subject)
        for study in studies
        if not study.is_probe
    }
    families = {study: family for study, family in families.items() if family}
    if not families:
        return None
    others = block_order(block for family in families.values() for block in family)
    frame = DataFrame({"block": others})
    columns = [Column("block", f"{label(subject)} over", label, "left")]
    for study, family in families.items():
        for part, values in parts_of(family, others).items():
            frame[f"{study}_{part}"] = values
        columns += [
            Column(f"{study}_gain", "points", points, group=study),
            Column(f"{study}_low", "95 %", points, group=study, upto=f"{study}_high"),
            Column(f"{study}_p", "p (Holm)", probability, group=study),
        ]
    return Table(frame, columns, name)


def parts_of(family: Family[str], others: Sequence[str]) -> dict[str, list[float]]:
    missing = float("nan")
    return {
        part: [getattr(family[o], part) if o in family else missing for o in others]
        for part in ("gain", "low", "high", "p", "pairs")
    }
