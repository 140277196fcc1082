"""What is compared, what it costs, and how a result is written down.

Only the names in __all__ are public; anything else may change.
"""

from typing import TYPE_CHECKING

from ablations.exports import on_demand

__all__ = [
    "BLOCKS",
    "CONVENTIONS",
    "PLACEMENTS",
    "Cost",
    "InputError",
    "Place",
    "RunConfig",
    "RunRecord",
    "after_features",
    "after_module",
    "before_convolution",
    "create_attention",
    "create_model",
    "measure",
    "read_records",
    "set_evaluation",
]

if TYPE_CHECKING:
    from ablations.attention import BLOCKS
    from ablations.blocks import create_attention, set_evaluation
    from ablations.complexity import Cost, measure
    from ablations.complexity.conventions import CONVENTIONS
    from ablations.errors import InputError
    from ablations.insertion import (
        Place,
        after_features,
        after_module,
        before_convolution,
    )
    from ablations.models import create_model
    from ablations.placements import PLACEMENTS
    from ablations.records import RunRecord
    from ablations.run_config import RunConfig
    from ablations.run_folder import read_records
else:
    __getattr__ = on_demand(
        __name__,
        {
            "BLOCKS": "ablations.attention",
            "CONVENTIONS": "ablations.complexity.conventions",
            "Cost": "ablations.complexity",
            "InputError": "ablations.errors",
            "PLACEMENTS": "ablations.placements",
            "Place": "ablations.insertion",
            "RunConfig": "ablations.run_config",
            "RunRecord": "ablations.records",
            "after_features": "ablations.insertion",
            "after_module": "ablations.insertion",
            "before_convolution": "ablations.insertion",
            "create_attention": "ablations.blocks",
            "create_model": "ablations.models",
            "measure": "ablations.complexity",
            "read_records": "ablations.run_folder",
            "set_evaluation": "ablations.blocks",
        },
    )
