"""How one run is trained.

Only the names in __all__ are public; anything else may change.
"""

from typing import TYPE_CHECKING

from ablations.exports import on_demand

__all__ = [
    "DATASETS",
    "DataSource",
    "Execution",
    "SegmentationData",
    "SegmentationModule",
    "TrainedRun",
    "create_data",
    "load_model",
    "load_run",
    "train",
]

if TYPE_CHECKING:
    from lightning_modules.data import DATASETS, create_data
    from lightning_modules.data.data_source import DataSource
    from lightning_modules.data.segmentation_data import SegmentationData
    from lightning_modules.execution import Execution
    from lightning_modules.run import train
    from lightning_modules.segmentation import SegmentationModule
    from lightning_modules.weights import TrainedRun, load_model, load_run
else:
    __getattr__ = on_demand(
        __name__,
        {
            "DATASETS": "lightning_modules.data",
            "DataSource": "lightning_modules.data.data_source",
            "Execution": "lightning_modules.execution",
            "SegmentationData": "lightning_modules.data.segmentation_data",
            "SegmentationModule": "lightning_modules.segmentation",
            "TrainedRun": "lightning_modules.weights",
            "create_data": "lightning_modules.data",
            "load_model": "lightning_modules.weights",
            "load_run": "lightning_modules.weights",
            "train": "lightning_modules.run",
        },
    )
