"""Which runs exist, and how they are carried out: here, on a cluster, or under W&B.

Only the names in __all__ are public; anything else may change.
"""

from typing import TYPE_CHECKING

from ablations.exports import on_demand

__all__ = [
    "Study",
    "load_study",
]

if TYPE_CHECKING:
    from sweeps.study.study import Study
    from sweeps.study.sweep_file import load_study
else:
    __getattr__ = on_demand(
        __name__,
        {
            "Study": "sweeps.study.study",
            "load_study": "sweeps.study.sweep_file",
        },
    )
