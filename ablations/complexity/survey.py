"""What every block costs in every model."""

from collections.abc import Iterator, Sequence

from pandas import DataFrame

from ablations.complexity.composition import Setting
from ablations.complexity.costs import model_row, with_added
from ablations.errors import InputError
from ablations.models import check_size


def survey(names: Sequence[str], settings: Sequence[Setting]) -> Iterator[DataFrame]:
    """One table per setting, with a row per block, the baseline first.

    Where a block does not fit, problem says why, and its costs are missing.
    """
    for setting in settings:
        check_size(setting.model, setting.encoder, *setting.size)
        rows = [try_row(setting, name) for name in dict.fromkeys(["none", *names])]
        table = with_added(DataFrame(rows, columns=COLUMNS))
        for place, what in enumerate(("model", "encoder", "placement")):
            table.insert(place, what, getattr(setting, what))
        yield table


COLUMNS = ["block", "params", "macs_direct", "macs_fast", "problem"]


def try_row(setting: Setting, name: str) -> dict[str, object]:
    try:
        return model_row(setting, name)
    except InputError as error:
        return {"block": name, "problem": str(error)}
